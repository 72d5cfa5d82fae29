package retune.core.judgement;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import retune.core.InvalidInputException;

class PromotionPolicyTest {
  /** The DAGs' reader of loop files has the same table. */
  private static final Path TABLE = Path.of("../../airflow/tests/policies.txt");

  private static final Map<String, String> MISTAKES =
      Map.of(
          "term", "is not a term of a policy; write terms such as floor, non_inferior(0.01)",
          "range", "is out of range; give a number from 0",
          "metric", "is not a metric",
          "twice", "twice.",
          "both", "asks for superior and for non_inferior; keep one of them.");

  static Stream<Arguments> table() throws IOException {
    return Files.readAllLines(TABLE).stream()
        .filter(line -> !line.startsWith("#"))
        .map(line -> Arguments.of((Object[]) line.split("\t", -1)));
  }

  @ParameterizedTest
  @MethodSource("table")
  void aPolicyIsWrittenAsItWasReadOrRefused(String kind, String text) {
    if (kind.equals("good")) {
      PromotionPolicy policy = PromotionPolicy.parse(text);
      assertEquals(text.replaceAll(" +and +", " and "), policy.text());
      assertEquals(policy, PromotionPolicy.parse(policy.text()));
    } else {
      String sentence =
          String.valueOf(
              assertThrows(InvalidInputException.class, () -> PromotionPolicy.parse(text))
                  .getMessage());
      assertTrue(sentence.contains(Objects.requireNonNull(MISTAKES.get(kind))), sentence);
    }
  }

  @Test
  void equalTextsAreEqualPolicies() {
    assertEquals(PromotionPolicy.FLOOR, PromotionPolicy.parse(" floor "));
    assertEquals(PromotionPolicy.parse("flips(0.1)"), PromotionPolicy.parse("flips(0.1)"));
  }

  @Test
  void theSentenceSaysWhatToWriteInstead() {
    assertRefused(
        "better",
        "'better' is not a term of a policy; write terms such as floor, non_inferior(0.01),"
            + " superior(0.02), within(recall, 0.02), within_class(recall, 0.05), slices(COLUMN,"
            + " 0.05), flips(0.05) and latency(1.5), joined by 'and'.");
    assertRefused("latency(0)", "'latency(0)' is out of range; give a number from 0.01 to 100.");
    assertRefused(
        "within_class(accuracy, 0.1)",
        "'within_class(accuracy, 0.1)' is not a metric of a class; the metrics are f1_score,"
            + " precision, recall.");
    assertRefused(
        "slices(a, 0.1) and slices(\"a\", 0.1)",
        "The policy 'slices(a, 0.1) and slices(\"a\", 0.1)' has slices(a) twice.");
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

  @Test
  void aPolicyKnowsWhatItNeedsBesideTheAnswers() {
    PromotionPolicy policy =
        PromotionPolicy.parse("slices(\"profit and loss\", 0.1) and slices(age, 0.1)");
    assertEquals(Set.of("profit and loss", "age"), policy.columns());
    assertFalse(policy.asksForLatency());
    assertTrue(PromotionPolicy.parse("flips and latency").asksForLatency());
    policy.requireColumns(List.of("age", "profit and loss"));
    assertEquals(
        "The policy's 'slices(age, 0.1)' names a column that the rows do not have; their columns are"
            + " income, profit and loss.",
        assertThrows(
                InvalidInputException.class,
                () -> policy.requireColumns(List.of("income", "profit and loss")))
            .getMessage());
  }

  private static void assertRefused(String text, String sentence) {
    assertEquals(
        sentence,
        assertThrows(InvalidInputException.class, () -> PromotionPolicy.parse(text)).getMessage());
  }
}
