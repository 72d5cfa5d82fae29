package retune.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static retune.model.Architecture.TorchScript.Argument.CODES;
import static retune.testing.Refusals.assertRefused;

import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.model.Architecture.TorchScript.Argument;
import retune.model.Architecture.TorchScript.Method;

class WeightShapesTest {
  private static final FeatureSchema SCHEMA = TestModels.schema(2, 3);

  @Test
  void aTabTransformerHasPyTorchsNamesAndShapes() {
    SortedMap<String, int[]> shapes = WeightShapes.of(TestModels.SMALL, SCHEMA, 2);
    assertEquals(2 + 2 * 3 + 2 * 12 + 4, shapes.size());
    assertArrayEquals(new int[] {3, 8}, shapes.get("encoder.embeddings.1.weight"));
    assertArrayEquals(new int[] {8, 1}, shapes.get("encoder.numeric_embeddings.2.weight"));
    assertArrayEquals(
        new int[] {24, 8}, shapes.get("encoder.transformer.layers.1.self_attn.in_proj_weight"));
    assertArrayEquals(new int[] {8, 12}, shapes.get("encoder.transformer.layers.0.linear2.weight"));
    assertArrayEquals(new int[] {2, 16}, shapes.get("fc.3.weight"));
  }

  @Test
  void anMlpsFirstLayerReadsEmbeddingsAndNumbers() {
    Architecture mlp = new Architecture.Mlp(4, List.of(10, 6), 16, 0.1);
    SortedMap<String, int[]> shapes = WeightShapes.of(mlp, SCHEMA, 3);
    assertArrayEquals(new int[] {10, 2 * 4 + 3}, shapes.get("encoder.layers.0.weight"));
    assertArrayEquals(new int[] {6, 10}, shapes.get("encoder.layers.1.weight"));
    assertArrayEquals(new int[] {16, 6}, shapes.get("fc.0.weight"));
    assertArrayEquals(new int[] {3}, shapes.get("fc.3.bias"));
  }

  @Test
  void anEncoderAloneIsWhole() {
    SortedMap<String, int[]> shapes = WeightShapes.encoder(TestModels.SMALL, SCHEMA);
    assertDoesNotThrow(
        () ->
            WeightShapes.check(
                TestModels.weights(shapes, 1), TestModels.SMALL, SCHEMA, 2, "weights"));
  }

  @Test
  void aTensorThatIsMissingUnexpectedMisshapenOrNotFiniteIsNamed() {
    assertChangeRefused("lacks the tensor 'fc.3.bias' [2]", tensors -> tensors.remove("fc.3.bias"));
    assertChangeRefused(
        "has a tensor 'extra'",
        tensors -> tensors.put("extra", new Tensor(new int[0], new float[1])));
    assertChangeRefused(
        "'fc.3.bias' of weights has the shape [3], the architecture needs [2]",
        tensors -> tensors.put("fc.3.bias", new Tensor(new int[] {3}, new float[3])));
    assertChangeRefused(
        "'fc.3.bias' of weights holds NaN",
        tensors -> tensors.put("fc.3.bias", new Tensor(new int[] {2}, new float[] {0, Float.NaN})));
  }

  @Test
  void anArchiveBelongsToTheArchitectureThatRunsIt() {
    ModelFolder.Content script = TestModels.script();
    Architecture architecture = script.version().architecture();
    assertRefused(
        "file lacks a TorchScript archive, which the architecture needs",
        () ->
            WeightShapes.check(
                new Weights(script.weights().tensors()), architecture, SCHEMA, 2, "file"));
    Weights weights = TestModels.weights(WeightShapes.of(TestModels.SMALL, SCHEMA, 2), 1);
    assertRefused(
        "file has a TorchScript archive, which the architecture has no use for",
        () ->
            WeightShapes.check(
                new Weights(weights.tensors(), script.weights().archive()),
                TestModels.SMALL,
                SCHEMA,
                2,
                "file"));
  }

  @Test
  void sizesThatMakeNoNetworkAreRefused() {
    assertThrows(
        InvalidInputException.class, () -> new Architecture.TabTransformer(32, 5, 6, 64, 128, 0.3));
    assertThrows(
        InvalidInputException.class, () -> new Architecture.TabTransformer(32, 4, 0, 64, 128, 0.3));
    assertThrows(
        InvalidInputException.class, () -> new Architecture.TabTransformer(32, 4, 6, 64, 128, 1));
    assertThrows(InvalidInputException.class, () -> new Architecture.Mlp(4, List.of(), 128, 0.3));
    for (List<Argument> inputs : List.<List<Argument>>of(List.of(), List.of(CODES, CODES))) {
      assertRefused(
          "The architecture's inputs are " + inputs,
          () -> new Architecture.TorchScript(Method.ENCODE, inputs, 4, 8, 0));
    }
  }

  private static void assertChangeRefused(
      String expected, Consumer<SortedMap<String, Tensor>> change) {
    Weights weights = TestModels.weights(WeightShapes.of(TestModels.SMALL, SCHEMA, 2), 1);
    SortedMap<String, Tensor> changed = new TreeMap<>(weights.tensors());
    change.accept(changed);
    assertRefused(
        expected,
        () -> WeightShapes.check(new Weights(changed), TestModels.SMALL, SCHEMA, 2, "weights"));
  }
}
