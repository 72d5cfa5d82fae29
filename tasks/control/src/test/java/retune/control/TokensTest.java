package retune.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.control.RunningControl.json;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import retune.core.InvalidInputException;
import retune.runtime.http.Tokens;
import retune.testing.StepProcess;
import retune.testing.TestContext;

class TokensTest {
  @Test
  void aServiceWithoutTokensSaysHowToMakeSome() throws Exception {
    try (RunningControl control = new RunningControl()) {
      String message = json(403, control.post("/retrain", "")).required("message").stringValue();
      assertTrue(message.startsWith("This service only tells, because it has no tokens."), message);
      assertTrue(message.contains("openssl rand -base64 33"), message);
      assertTrue(message.endsWith("and start it with --token-file."), message);
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ops|, line 1: write NAME TOKEN, the token with at least 24 characters and without spaces.",
        "ops short|, line 1: write NAME TOKEN,",
        "# nobody yet|has no token; write lines 'NAME TOKEN' into a file"
      })
  void aFileWithAMistakeIsRefusedAtTheStart(String content, String sentence, @TempDir Path folder)
      throws Exception {
    Path file = Files.writeString(folder.resolve("tokens"), content + "\n");
    String message = refusal(file);
    assertTrue(message.contains(file.toString()) && message.contains(sentence), message);
  }

  @Test
  void aFileThatIsNotThereIsRefusedAtTheStart(@TempDir Path folder) {
    Path file = folder.resolve("tokens");
    assertEquals(
        "The token file '%s' cannot be read; check that it exists and that this user may read it."
            .formatted(file),
        refusal(file));
  }

  @Test
  void theFileIsGivenOnTheCommandLine(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("tokens");
    String message =
        StepProcess.light(Map.of())
            .run("control", "--port", "0", "--token-file", file.toString())
            .errorMessage();
    assertTrue(message.startsWith("The token file '%s' cannot be read".formatted(file)), message);
  }

  private static String refusal(Path file) {
    InvalidInputException refused =
        assertThrows(InvalidInputException.class, () -> new Tokens(file, TestContext.CLOCK));
    return String.valueOf(refused.getMessage());
  }
}
