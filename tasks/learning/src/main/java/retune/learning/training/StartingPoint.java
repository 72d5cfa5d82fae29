package retune.learning.training;

import java.io.IOException;
import java.nio.file.Path;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import retune.core.data.FeatureSchema;
import retune.core.preprocessing.Preprocessing;
import retune.model.Architecture;
import retune.model.CodeTrust;
import retune.model.ModelFolder;
import retune.model.Weights;

/** What training starts from: an architecture, or a pre-trained encoder. */
public sealed interface StartingPoint {
  Architecture architecture();

  /** The encoder's preprocessing; null to fit it on the training rows. */
  @Nullable Preprocessing preprocessing();

  /** The encoder's version; null for none. */
  @Nullable String modelId();

  /** Weights with a new head of the given number of outputs. */
  Weights weights(FeatureSchema schema, int outputs, RandomGenerator random);

  /** Random weights. */
  record Scratch(Architecture architecture) implements StartingPoint {
    @Override
    public @Nullable Preprocessing preprocessing() {
      return null;
    }

    @Override
    public @Nullable String modelId() {
      return null;
    }

    @Override
    public Weights weights(FeatureSchema schema, int outputs, RandomGenerator random) {
      return InitialWeights.of(architecture, schema, outputs, random);
    }
  }

  /** The encoder of a version; its head is not used. */
  record Encoder(ModelFolder.Content content) implements StartingPoint {
    public static Encoder read(Path folder, CodeTrust trust) throws IOException {
      return new Encoder(ModelFolder.read(folder, trust));
    }

    @Override
    public Architecture architecture() {
      return content.version().architecture();
    }

    @Override
    public Preprocessing preprocessing() {
      return content.version().preprocessing();
    }

    @Override
    public String modelId() {
      return content.version().modelId();
    }

    @Override
    public Weights weights(FeatureSchema schema, int outputs, RandomGenerator random) {
      return InitialWeights.withHead(content.weights(), architecture(), schema, outputs, random);
    }
  }
}
