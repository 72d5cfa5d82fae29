package retune.core.judgement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.InvalidInputException;

class PromotionPolicyTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "floor",
        "superior(0.02)",
        "non_inferior(0.01) and flips(0.05)",
        "within(recall, 0.02) and within(precision, 0.02)"
      })
  void aPolicyIsWrittenAsItWasRead(String text) {
    assertEquals(text, PromotionPolicy.parse(text).text());
  }

  @Test
  void equalTextsAreEqualPolicies() {
    assertEquals(PromotionPolicy.FLOOR, PromotionPolicy.parse(" floor "));
    assertEquals(PromotionPolicy.parse("flips(0.1)"), PromotionPolicy.parse("flips(0.1)"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"better", "flips(recall, 0.1)", "within(0.1)", "", "flips(1e-2)"})
  void anotherTextIsRefused(String text) {
    assertRefused(
        text,
        "'%s' is not a term of a policy; write terms such as floor, non_inferior(0.01), superior(0.02), within(recall, 0.02) and flips(0.05), joined by 'and'."
            .formatted(text));
  }

  @Test
  void termsThatCannotHoldTogetherAreRefused() {
    assertRefused("flips(2)", "'flips(2)' is out of range; give a number from 0 to 1.");
    assertRefused(
        "within(hits, 0.1)",
        "'within(hits, 0.1)' is not a metric; the metrics are f1_score, f1_macro, f1_weighted,"
            + " accuracy, roc_auc, precision, recall.");
    assertRefused(
        "superior and non_inferior",
        "The policy 'superior and non_inferior' asks for superior and for non_inferior; keep one of"
            + " them.");
    assertRefused(
        "flips(0.1) and flips(0.2)", "The policy 'flips(0.1) and flips(0.2)' has flips twice.");
  }

  private static void assertRefused(String text, String sentence) {
    assertEquals(
        sentence,
        assertThrows(InvalidInputException.class, () -> PromotionPolicy.parse(text)).getMessage());
  }
}
