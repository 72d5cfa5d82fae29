package retune.model.engine;

import java.util.Arrays;
import retune.core.calibration.LogOdds;
import retune.core.data.Features;
import retune.model.ModelVersion;
import retune.model.Weights;
import retune.model.engine.Network.LayerNorm;
import retune.model.engine.Network.Perceptron;
import retune.model.engine.Network.Transformer;
import retune.model.engine.Network.TransformerLayer;
import retune.model.engine.Network.Trees;

/**
 * The forward pass in double precision, one row at a time, as written in the papers: TabTransformer
 * (Huang et al. 2020) with a token for every feature and pre-norm layers (Xiong et al. 2020). The
 * reference that the vector engine is tested against; faster for a few rows, because the vector
 * engine has to be compiled first.
 */
public final class PlainEngine implements Engine {
  private final Network network;
  private final Workers workers;

  public PlainEngine(ModelVersion version, Weights weights, int threads) {
    this.network = Network.of(version, weights);
    this.workers = new Workers(threads);
  }

  @Override
  public String name() {
    return "plain";
  }

  @Override
  public float[] encode(Features features) {
    FeatureCheck.check(features, network.schema());
    int size = network.encoder().encodedSize();
    float[] encoded = new float[features.rows() * size];
    workers.split(
        features.rows(),
        (from, to) -> {
          for (int row = from; row < to; row++) {
            copy(encodeRow(features, row), encoded, row * size);
          }
        });
    return encoded;
  }

  @Override
  public float[] head(float[] encoded, int rows) {
    Network.Head head = network.requireHead();
    int size = head.hidden().inputs();
    int classes = head.output().outputs();
    float[] logits = new float[rows * classes];
    workers.split(
        rows,
        (from, to) -> {
          for (int row = from; row < to; row++) {
            float[] vector = Arrays.copyOfRange(encoded, row * size, (row + 1) * size);
            double[] hidden = relu(head.hidden().apply(LinearLayer.doubles(vector)));
            copy(head.output().apply(hidden), logits, row * classes);
          }
        });
    return logits;
  }

  @Override
  public void close() {
    workers.close();
  }

  private double[] encodeRow(Features features, int row) {
    return switch (network.encoder()) {
      case Transformer transformer -> encodeRow(transformer, features, row);
      case Perceptron perceptron -> encodeRow(perceptron, features, row);
      case Trees trees -> {
        float[] inputs = new float[trees.inputs().size()];
        trees.inputs().fill(features, row, inputs);
        yield trees.forest().answer(inputs);
      }
    };
  }

  private static double[] encodeRow(Perceptron perceptron, Features features, int row) {
    double[] x = new double[perceptron.layers().getFirst().inputs()];
    int position = 0;
    for (int feature = 0; feature < features.codes().length; feature++) {
      double[] embedding = perceptron.embeddings()[feature][features.codes()[feature][row]];
      System.arraycopy(embedding, 0, x, position, embedding.length);
      position += embedding.length;
    }
    for (float[] numbers : features.numbers()) {
      x[position++] = numbers[row];
    }
    for (LinearLayer layer : perceptron.layers()) {
      x = relu(layer.apply(x));
    }
    return x;
  }

  private static double[] encodeRow(Transformer transformer, Features features, int row) {
    double[][] tokens = tokens(transformer, features, row);
    for (TransformerLayer layer : transformer.layers()) {
      double[][] attended = attend(layer, tokens, transformer.heads());
      for (int token = 0; token < tokens.length; token++) {
        add(tokens[token], layer.output().apply(attended[token]));
        double[] normed = normalise(layer.beforeFeedForward(), tokens[token]);
        add(tokens[token], layer.contraction().apply(relu(layer.expansion().apply(normed))));
      }
    }
    double[] mean = new double[transformer.dimension()];
    for (double[] token : tokens) {
      add(mean, token);
    }
    return Arrays.stream(mean).map(sum -> sum / tokens.length).toArray();
  }

  private static double[][] tokens(Transformer transformer, Features features, int row) {
    int categorical = features.codes().length;
    double[][] tokens = new double[features.schema().size()][];
    for (int feature = 0; feature < categorical; feature++) {
      tokens[feature] = transformer.embeddings()[feature][features.codes()[feature][row]].clone();
    }
    for (int feature = 0; feature < features.numbers().length; feature++) {
      tokens[categorical + feature] =
          transformer.numbers().get(feature).apply(new double[] {features.numbers()[feature][row]});
    }
    return tokens;
  }

  /** Multi-head attention (Vaswani et al. 2017, section 3.2), without its output layer. */
  private static double[][] attend(TransformerLayer layer, double[][] tokens, int heads) {
    double[][] projected = new double[tokens.length][];
    for (int token = 0; token < tokens.length; token++) {
      projected[token] =
          layer.projection().apply(normalise(layer.beforeAttention(), tokens[token]));
    }
    int dimension = tokens[0].length;
    int size = dimension / heads;
    double[][] attended = new double[tokens.length][dimension];
    for (int head = 0; head < heads; head++) {
      int query = head * size;
      int key = dimension + query;
      int value = dimension + key;
      for (int token = 0; token < tokens.length; token++) {
        double[] scores = new double[tokens.length];
        for (int other = 0; other < tokens.length; other++) {
          for (int i = 0; i < size; i++) {
            scores[other] += projected[token][query + i] * projected[other][key + i];
          }
          scores[other] /= Math.sqrt(size);
        }
        LogOdds.softmax(scores);
        for (int other = 0; other < tokens.length; other++) {
          for (int i = 0; i < size; i++) {
            attended[token][query + i] += scores[other] * projected[other][value + i];
          }
        }
      }
    }
    return attended;
  }

  private static double[] normalise(LayerNorm norm, double[] x) {
    double mean = Arrays.stream(x).sum() / x.length;
    double variance = Arrays.stream(x).map(v -> (v - mean) * (v - mean)).sum() / x.length;
    double[] y = new double[x.length];
    for (int i = 0; i < y.length; i++) {
      y[i] =
          (x[i] - mean) / Math.sqrt(variance + LayerNorm.EPSILON) * norm.scale()[i]
              + norm.shift()[i];
    }
    return y;
  }

  private static double[] relu(double[] x) {
    return Arrays.stream(x).map(value -> Math.max(0, value)).toArray();
  }

  private static void add(double[] sum, double[] x) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] += x[i];
    }
  }

  private static void copy(double[] from, float[] to, int offset) {
    for (int i = 0; i < from.length; i++) {
      to[offset + i] = (float) from[i];
    }
  }
}
