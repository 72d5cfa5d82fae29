package retune.model.engine;

import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.preprocessing.TfIdf;
import retune.model.Architecture;
import retune.model.ModelVersion;
import retune.model.Weights;

/**
 * Runs a model of texts. The encoder gives the terms of a text with their weights, see {@link
 * TfIdf}; the head adds up the rows of its matrix that belong to these terms. The result of a row
 * does not depend on other rows, bit for bit.
 */
public final class TextEngine implements Engine {
  private final FeatureSchema schema;
  private final Architecture.Text architecture;
  private final float[] idf;
  private final @Nullable LinearHead head;
  private final Workers workers;

  /**
   * Opens a version whose architecture is {@link Architecture.Text}.
   *
   * @param threads at least 1
   */
  public TextEngine(ModelVersion version, Weights weights, int threads) {
    this.schema = version.preprocessing().schema();
    this.architecture = (Architecture.Text) version.architecture();
    this.idf = weights.get("encoder.idf").values();
    this.head = weights.hasHead() ? LinearHead.of(weights) : null;
    this.workers = new Workers(threads);
  }

  @Override
  public String name() {
    return "sparse";
  }

  @Override
  public float[] encode(Features features) {
    FeatureCheck.check(features, schema);
    int size = architecture.encodedSize();
    float[] encoded = new float[features.rows() * size];
    workers.split(
        features.rows(),
        (from, to) -> {
          for (int row = from; row < to; row++) {
            TfIdf.encode(features.codes(), row, idf, encoded, row * size);
          }
        });
    return encoded;
  }

  @Override
  public float[] head(float[] encoded, int rows) {
    if (head == null) {
      throw new InvalidInputException("The version has no head and predicts nothing; train one.");
    }
    int size = architecture.encodedSize();
    float[] logits = new float[rows * head.classes()];
    workers.split(
        rows,
        (from, to) -> {
          for (int row = from; row < to; row++) {
            head.apply(encoded, row * size, size, logits, row * head.classes());
          }
        });
    return logits;
  }

  @Override
  public void close() {
    workers.close();
  }
}
