package retune.learning.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.engine.EngineException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import retune.core.data.FeatureSchema;
import retune.learning.Examples;
import retune.learning.torch.NetworkInput.EncodedRows;
import retune.learning.torch.NetworkInput.FeatureRows;
import retune.learning.torch.TorchModule.Method;
import retune.learning.training.InitialWeights;
import retune.model.Weights;

class TorchScriptTest {
  private final FeatureSchema schema = Examples.schema(11, 12);
  private final FeatureRows rows = new FeatureRows(Examples.features(schema, 5, 1));

  private Weights weights() {
    return InitialWeights.of(Examples.SMALL, schema, 2, new SplittableRandom(3));
  }

  @Test
  void theSameNetworkGivesTheSameBytes() {
    assertArrayEquals(
        TorchScript.write(Examples.SMALL, schema, weights()),
        TorchScript.write(Examples.SMALL, schema, weights()));
  }

  @Test
  void aLoadedModuleHasTheWeightsThatWereWritten() {
    try (TorchModule module = new TorchModule(Examples.SMALL, schema, weights())) {
      assertEquals(weights().hash(), module.weights().hash());
    }
  }

  @Test
  void forwardIsTheHeadOfTheEncoding() {
    try (TorchModule module = new TorchModule(Examples.SMALL, schema, weights())) {
      float[] encoded = TorchEngine.run(module, Method.ENCODE, rows);
      assertArrayEquals(
          TorchEngine.run(module, Method.FORWARD, rows),
          TorchEngine.run(module, Method.HEAD, new EncodedRows(encoded, 8)),
          1e-6f);
    }
  }

  @Test
  void aNetworkWithoutAHeadEncodesOnly() {
    Weights encoder = InitialWeights.encoder(Examples.SMALL, schema, new SplittableRandom(3));
    try (TorchModule module = new TorchModule(Examples.SMALL, schema, encoder)) {
      assertEquals(5 * 8, TorchEngine.run(module, Method.ENCODE, rows).length);
      assertThrows(EngineException.class, () -> TorchEngine.run(module, Method.FORWARD, rows));
    }
  }
}
