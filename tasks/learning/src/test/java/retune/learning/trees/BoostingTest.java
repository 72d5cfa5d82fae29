package retune.learning.trees;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static retune.testing.Refusals.assertRefused;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.data.FeatureSchema;
import retune.core.data.FeatureSchema.Categorical;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.core.finetuning.Growth;
import retune.learning.Examples;
import retune.learning.trees.Boosting.Grown;
import retune.model.Architecture;
import retune.model.Architecture.Trees.Input;
import retune.model.ModelVersion;
import retune.model.engine.Engine;
import retune.model.engine.PlainEngine;
import retune.model.importing.IdentityHead;
import retune.model.trees.XgboostFile;

/** What XGBoost trains, beside what Retune's own evaluator makes of it. */
class BoostingTest {
  private static final int ROWS = 1_000;

  /** A feature of 12 codes, of which 11 stands for the unknown; one of two; three numbers. */
  private static final FeatureSchema SCHEMA =
      new FeatureSchema(
          List.of(
              new Categorical("kind", 12),
              new Categorical("sort", 2),
              new Categorical("x_missing", 2)),
          List.of("x", "y", "z"));

  private static final List<Input> INPUTS =
      List.of(
          new Input("kind", null, 11),
          new Input("sort", null, null),
          new Input("x", "x_missing", null),
          new Input("y", null, null),
          new Input("z", null, null));

  private static final Target TWO = new Target("t", List.of("yes", "no"), "yes");
  private static final Target THREE = new Target("t", List.of("a", "b", "c"), null);

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void theEvaluatorAnswersAsXgboostMissingValuesAndCategoriesIncluded(boolean isBinary) {
    Target target = isBinary ? TWO : THREE;
    Features features = features(2 * ROWS, 1);
    int[] labels = labels(features, target.classes().size(), 0.5);
    Grown grown = grow(target, rows(features, labels, 0), rows(features, labels, 1));
    assertTrue(grown.bestRound() > 5, grown.bestRound() + " rounds");
    assertTrue(
        grown.forest().trees().stream()
            .anyMatch(
                tree -> IntStream.range(0, tree.size()).anyMatch(n -> tree.categories(n) != null)),
        "no split by categories");

    float[] encoded = encode(target, grown, features.select(rows(features, labels, 1).rows()));
    int outputs = grown.forest().outputs();
    for (int i = 0; i < encoded.length; i++) {
      float expected = grown.margins()[i / outputs][i % outputs];
      assertEquals(expected, encoded[i], tolerance(expected), "value " + i);
    }
  }

  @Test
  void theLossFallsAndTheBestRoundIsKept() {
    Features features = features(2 * ROWS, 1);
    int[] labels = labels(features, 2, 0.5);
    Grown grown = grow(TWO, rows(features, labels, 0), rows(features, labels, 1));
    double least = grown.losses().get(grown.bestRound() - 1).validation();
    assertTrue(
        grown.losses().stream().allMatch(losses -> losses.validation() >= least),
        grown.losses().toString());
    assertTrue(least < grown.losses().getFirst().validation());
    assertEquals(grown.bestRound() + 1, grown.forest().trees().size(), "the start and the rounds");
  }

  @Test
  void theSameRowsGiveTheSameBytes() {
    Features features = features(2 * ROWS, 1);
    int[] labels = labels(features, 2, 0.5);
    List<String> names = INPUTS.stream().map(Input::feature).toList();
    List<byte[]> files = new ArrayList<>();
    for (long seed : new long[] {7, 7, 8}) {
      files.add(
          XgboostFile.ubj(
              grow(TWO, rows(features, labels, 0), rows(features, labels, 1), seed).forest(),
              names));
    }
    assertArrayEquals(files.get(0), files.get(1));
    assertNotEquals(Arrays.hashCode(files.get(0)), Arrays.hashCode(files.get(2)));
  }

  @Test
  void boostingContinuesFromTheTreesThatThereAre() {
    Features features = features(2 * ROWS, 1);
    int[] labels = labels(features, 2, 0.5);
    TreeRows validation = rows(features, labels, 1);
    Grown first = grow(TWO, rows(features, labels, 0), validation);
    int[] turned = labels.clone();
    IntStream.range(0, turned.length)
        .filter(row -> features.codes()[1][row] == 1)
        .forEach(row -> turned[row] = 1 - turned[row]);
    TreeRows drifted = rows(features, turned, 1);
    Grown more =
        new Boosting(INPUTS, SCHEMA, TWO, false, Boosting.MOST_ROUNDS, Growth.DEFAULT, 3)
            .run(
                first.forest(),
                List.of(rows(features, turned, 0)),
                drifted,
                (what, done, total) -> {});
    assertEquals(first.forest().trees().size() + more.bestRound(), more.forest().trees().size());
    assertTrue(
        more.losses().get(more.bestRound() - 1).validation()
            < 0.8 * more.losses().getFirst().validation());
    float[] encoded = encode(TWO, more, features.select(drifted.rows()));
    for (int row = 0; row < encoded.length; row++) {
      assertEquals(more.margins()[row][0], encoded[row], 2 * tolerance(more.margins()[row][0]));
    }
  }

  @Test
  void labelsThatNothingTellsGiveNothing() {
    Features features = features(200, 1);
    SplittableRandom random = new SplittableRandom(5);
    int[] labels = IntStream.range(0, 200).map(row -> random.nextInt(2)).toArray();
    Grown grown = grow(TWO, rows(features, labels, 0), rows(features, labels, 1), 2);
    assertTrue(
        grown.losses().stream().allMatch(losses -> losses.validation() > 0.67),
        grown.losses().toString());
  }

  @Test
  void fiveRowsConstantColumnsAndManyColumnsAreTrainedOnWithoutAnError() {
    Features few = features(10, 1);
    int[] labels = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
    assertEquals(0, grow(TWO, rows(few, labels, 0), rows(few, labels, 1)).bestRound());

    Features constant = new Features(SCHEMA, 100, new int[3][100], new float[3][100]);
    int[] halves = IntStream.range(0, 100).map(row -> row / 2 % 2).toArray();
    assertEquals(0, grow(TWO, rows(constant, halves, 0), rows(constant, halves, 1)).bestRound());

    FeatureSchema wide = Examples.schema(0, 500);
    Features many = Examples.features(wide, 400, 1);
    int[] byOne = IntStream.range(0, 400).map(r -> many.numbers()[499][r] > 0 ? 1 : 0).toArray();
    List<Input> inputs = wide.numeric().stream().map(name -> new Input(name, null, null)).toList();
    Boosting boosting =
        new Boosting(inputs, wide, TWO, false, Boosting.MOST_ROUNDS, Growth.DEFAULT, 1);
    List<TreeRows> training = List.of(rows(many, byOne, 0));
    Grown grown =
        boosting.run(
            boosting.shares(training), training, rows(many, byOne, 1), (what, done, total) -> {});
    assertTrue(grown.bestRound() > 20, grown.bestRound() + " rounds");
  }

  @Test
  void whatWasNeverSeenOrIsMissingEverywhereIsAnswered() {
    Features features = features(2 * ROWS, 1);
    for (int row = 0; row < features.rows(); row++) {
      features.codes()[0][row] %= 5;
    }
    int[] labels = labels(features, 2, 0.5);
    Grown grown = grow(TWO, rows(features, labels, 0), rows(features, labels, 1));
    Features strange = features(100, 9);
    Arrays.fill(strange.codes()[0], 11);
    Arrays.fill(strange.codes()[2], 1);
    for (float answer : encode(TWO, grown, strange)) {
      assertTrue(Float.isFinite(answer));
    }
    Arrays.fill(strange.codes()[0], 9);
    for (float answer : encode(TWO, grown, strange)) {
      assertTrue(Float.isFinite(answer));
    }
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void aNumberThatIsNoneIsRefusedByRowAndName(float number) {
    Features features = features(20, 1);
    features.numbers()[1][4] = number;
    int[] labels = labels(features, 2, 0.5);
    assertRefused(
        "Row 4 has %s for 'y'".formatted(number),
        () -> grow(TWO, rows(features, labels, 0), rows(features, labels, 1)));
  }

  @Test
  void aHeavierRowCountsMore() {
    Features features = features(400, 1);
    int[] labels = labels(features, 2, 0.5);
    int[] opposite = Arrays.stream(labels).map(label -> 1 - label).toArray();
    TreeRows validation = rows(features, labels, 1);
    List<TreeRows> lightOpposition =
        List.of(rows(features, labels, 0), rows(features, opposite, 0).weighing(0.2));
    List<TreeRows> opposition =
        List.of(rows(features, labels, 0).weighing(0.2), rows(features, opposite, 0));
    assertTrue(least(grow(TWO, lightOpposition, validation, 7)) < 0.65);
    assertEquals(0, grow(TWO, opposition, validation, 7).bestRound());
  }

  /** XGBoost adds up in float32. */
  private static double tolerance(float margin) {
    return 1e-6 * Math.max(1, Math.abs(margin));
  }

  private static double least(Grown grown) {
    return grown.losses().get(grown.bestRound() - 1).validation();
  }

  @Test
  void withoutItsLibraryTheSentenceSaysWhatToDo(@TempDir Path folder) {
    assertRefused("Install libgomp1", () -> XgboostLibrary.load(folder.toString()));
  }

  private static Grown grow(Target target, TreeRows training, TreeRows validation) {
    return grow(target, training, validation, 7);
  }

  private static Grown grow(Target target, TreeRows training, TreeRows validation, long seed) {
    return grow(target, List.of(training), validation, seed);
  }

  private static Grown grow(
      Target target, List<TreeRows> training, TreeRows validation, long seed) {
    Boosting boosting =
        new Boosting(INPUTS, SCHEMA, target, false, Boosting.MOST_ROUNDS, Growth.DEFAULT, seed);
    return boosting.run(boosting.shares(training), training, validation, (what, done, total) -> {});
  }

  private static float[] encode(Target target, Grown grown, Features features) {
    int outputs = grown.forest().outputs();
    Architecture.Trees architecture =
        new Architecture.Trees(INPUTS, outputs, IdentityHead.hidden(outputs), 0);
    ModelVersion version =
        Examples.version(
            architecture,
            SCHEMA,
            target,
            IdentityHead.on(grown.forest(), INPUTS.stream().map(Input::feature).toList(), target));
    try (Engine engine =
        new PlainEngine(
            version,
            IdentityHead.on(grown.forest(), INPUTS.stream().map(Input::feature).toList(), target),
            1)) {
      return engine.encode(features);
    }
  }

  @Test
  void aRowOfTwiceTheWeightCountsAsTwoRows() {
    Features features = features(200, 3);
    int[] labels = labels(features, 2, 0.5);
    int[] all = IntStream.range(0, 200).toArray();
    double[] weights = IntStream.of(all).mapToDouble(row -> row < 100 ? 2 : 1).toArray();
    int[] repeated = IntStream.concat(IntStream.range(0, 100), IntStream.of(all)).toArray();
    TreeRows validation = rows(features(400, 4), labels(features(400, 4), 2, 0.5), 0);
    Growth wholly = new Growth(0.1, 4, 5, 5, 1);
    for (boolean balanced : List.of(false, true)) {
      Boosting boosting = new Boosting(INPUTS, SCHEMA, TWO, balanced, 5, wholly, 1);
      List<Grown> grown =
          Stream.of(
                  new TreeRows(features, all, labels, 1, weights),
                  new TreeRows(features, repeated, labels))
              .map(List::of)
              .map(rows -> boosting.run(boosting.shares(rows), rows, validation, (_, _, _) -> {}))
              .toList();
      assertEquals(5, grown.getFirst().losses().size());
      for (int round = 0; round < 5; round++) {
        assertEquals(
            grown.getLast().losses().get(round).training(),
            grown.getFirst().losses().get(round).training(),
            1e-5);
        assertEquals(
            grown.getLast().losses().get(round).validation(),
            grown.getFirst().losses().get(round).validation(),
            1e-5);
      }
    }
  }

  /** Every second row. */
  private static TreeRows rows(Features features, int[] labels, int first) {
    return new TreeRows(
        features,
        IntStream.range(0, features.rows()).filter(row -> row % 2 == first).toArray(),
        labels);
  }

  private static Features features(int rows, long seed) {
    return Examples.features(SCHEMA, rows, seed);
  }

  /** Labels that kind, sort and numbers tell, x where it is not missing. */
  private static int[] labels(Features features, int classes, double noise) {
    SplittableRandom random = new SplittableRandom(11);
    int[] labels = new int[features.rows()];
    for (int row = 0; row < labels.length; row++) {
      double score =
          (features.codes()[0][row] % 3 - 1)
              + (features.codes()[2][row] == 1 ? 0 : features.numbers()[0][row])
              + features.numbers()[1][row] * features.codes()[1][row]
              + noise * random.nextGaussian();
      labels[row] = score > 0 ? 1 : classes > 2 && score < -1 ? 2 : 0;
    }
    return labels;
  }
}
