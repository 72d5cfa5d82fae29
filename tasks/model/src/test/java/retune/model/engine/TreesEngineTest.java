package retune.model.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import retune.core.data.FeatureSchema;
import retune.core.data.FeatureSchema.Categorical;
import retune.core.data.Features;
import retune.core.data.Target;
import retune.model.Architecture;
import retune.model.Architecture.Trees.Input;
import retune.model.ModelVersion;
import retune.model.TestModels;
import retune.model.Weights;
import retune.model.importing.IdentityHead;
import retune.model.trees.Forest;
import retune.model.trees.TreesFile;
import retune.model.trees.TreesFileTest;
import retune.model.trees.XgboostFile;

class TreesEngineTest {
  private static final int UNKNOWN = 40;
  private static final FeatureSchema SCHEMA =
      new FeatureSchema(
          List.of(
              new Categorical("kind", UNKNOWN + 1),
              new Categorical("a_missing", 2),
              new Categorical("b_missing", 2),
              new Categorical("c_missing", 2)),
          List.of("a", "b", "c"));
  private static final List<String> INPUTS = List.of("a", "b", "c", "kind");

  @ParameterizedTest
  @ValueSource(strings = {"xgboost-two.ubj", "xgboost-three.json", "lightgbm-three.txt"})
  void bothEnginesGiveTheSumsOfTheTrees(String file) {
    Forest forest = TreesFile.read(TreesFileTest.resource(file), file).forest();
    int classes = Math.max(2, forest.outputs());
    ModelVersion version = version(forest, classes);
    Weights weights = weights(forest, classes);
    Features features = TestModels.features(SCHEMA, 1000, 7);
    for (float[] column : features.numbers()) {
      for (int row = 0; row < column.length; row += 3) {
        column[row] = Math.round(column[row]); // ties with thresholds, and −0
      }
    }
    try (Engine plain = new PlainEngine(version, weights, 1);
        Engine vector = new VectorEngine(version, weights, 2)) {
      float[] encoded = plain.encode(features);
      assertArrayEquals(encoded, vector.encode(features));
      float[] logits = vector.head(encoded, features.rows());
      for (int row = 0; row < features.rows(); row++) {
        double[] sums = forest.answer(inputs(features, row));
        for (int output = 0; output < sums.length; output++) {
          assertEquals((float) sums[output], encoded[row * sums.length + output]);
          int logit = row * classes + (sums.length == 1 ? 1 : output);
          assertEquals((float) sums[output], logits[logit]);
        }
        assertEquals(0, sums.length == 1 ? logits[row * classes] : 0);
      }
    }
  }

  private static float[] inputs(Features features, int row) {
    float[] inputs = new float[INPUTS.size()];
    for (int i = 0; i < 3; i++) {
      boolean isMissing = features.codes()[1 + i][row] == 1;
      inputs[i] = isMissing ? Float.NaN : features.numbers()[i][row];
    }
    int kind = features.codes()[0][row];
    inputs[3] = kind == UNKNOWN ? Float.NaN : kind;
    return inputs;
  }

  private static ModelVersion version(Forest forest, int classes) {
    List<Input> inputs = new ArrayList<>();
    for (String column : List.of("a", "b", "c")) {
      inputs.add(new Input(column, column + "_missing", null));
    }
    inputs.add(new Input("kind", null, UNKNOWN));
    return TestModels.version(
        new Architecture.Trees(inputs, forest.outputs(), IdentityHead.hidden(forest.outputs()), 0),
        SCHEMA,
        classes,
        weights(forest, classes));
  }

  private static Weights weights(Forest forest, int classes) {
    List<String> labels = IntStream.range(0, classes).mapToObj(Integer::toString).toList();
    Target target = new Target("default", labels, classes == 2 ? "1" : null);
    return new Weights(
        IdentityHead.of(forest.outputs(), target),
        new Weights.Archive(Weights.Form.TREES, XgboostFile.ubj(forest, INPUTS)));
  }
}
