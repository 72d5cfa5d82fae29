package retune.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RedactorTest {
  private final Redactor redactor =
      new Redactor(
          new Settings(
              Map.of(
                  "RETUNE_MONGO_URI", "mongodb://retune:p%40ssword@db/retune",
                  "RETUNE_DATA_MONGO_URI", "mongodb://anna:short@db/sales",
                  "RETUNE_SLACK_WEBHOOK_URL", "https://hooks.example/services/T0/hush?key=geheim",
                  "RETUNE_PAGERDUTY_ROUTING_KEY", "R0UTING",
                  "RETUNE_DATA_PASS", "einlass",
                  "RETUNE_RUN_ID", "manual")));

  @ParameterizedTest
  @CsvSource({
    "the password p%40ssword, the password ***",
    "'p@ssword, decoded', '***, decoded'",
    "at mongodb://retune:p%40ssword@db/retune, at mongodb://retune:***@db/retune",
    "at mongodb://anna:short@db/sales, at mongodb://anna:***@db/sales",
    "POST https://hooks.example/services/T0/hush?key=geheim, POST https://hooks.example***?***",
    "key R0UTING refused, key *** refused",
    "credit-R0UTING-1, credit-***-1",
    "login einlass, login ***"
  })
  void aSecretIsHidden(String text, String redacted) {
    assertEquals(redacted, redactor.redact(text));
  }

  @ParameterizedTest
  @CsvSource({"a short word", "R0UTINGS and MYR0UTING", "manual__1", "einlasskarte"})
  void nothingElseIs(String text) {
    assertEquals(text, redactor.redact(text));
  }
}
