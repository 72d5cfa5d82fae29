package retune.model.engine;

import java.util.Arrays;
import retune.model.Tensor;
import retune.model.Weights;

/**
 * {@code y = W x + b} in double precision.
 *
 * @param weights {@code [output][input]}
 * @param bias {@code [output]}
 */
record LinearLayer(double[][] weights, double[] bias) {
  static LinearLayer of(Weights weights, String name) {
    return of(weights.get(name + ".weight"), weights.get(name + ".bias"));
  }

  static LinearLayer of(Tensor weight, Tensor bias) {
    int inputs = weight.shape()[1];
    double[][] rows = new double[weight.shape()[0]][inputs];
    for (int output = 0; output < rows.length; output++) {
      for (int input = 0; input < inputs; input++) {
        rows[output][input] = weight.values()[output * inputs + input];
      }
    }
    return new LinearLayer(rows, doubles(bias.values()));
  }

  int inputs() {
    return weights[0].length;
  }

  int outputs() {
    return bias.length;
  }

  double[] apply(double[] x) {
    double[] y = bias.clone();
    for (int output = 0; output < y.length; output++) {
      for (int input = 0; input < x.length; input++) {
        y[output] += weights[output][input] * x[input];
      }
    }
    return y;
  }

  /** The layer that computes {@code this(scale · x + shift)}. */
  LinearLayer after(double[] scale, double[] shift) {
    double[][] scaled = new double[outputs()][inputs()];
    for (int output = 0; output < outputs(); output++) {
      for (int input = 0; input < inputs(); input++) {
        scaled[output][input] = weights[output][input] * scale[input];
      }
    }
    return new LinearLayer(scaled, apply(shift));
  }

  /** The layer whose outputs are those of this layer times a factor. */
  LinearLayer times(double factor) {
    return new LinearLayer(
        Arrays.stream(weights)
            .map(row -> Arrays.stream(row).map(weight -> weight * factor).toArray())
            .toArray(double[][]::new),
        Arrays.stream(bias).map(value -> value * factor).toArray());
  }

  /** The outputs {@code from} inclusive to {@code to} exclusive. */
  LinearLayer outputs(int from, int to) {
    return new LinearLayer(
        Arrays.copyOfRange(weights, from, to), Arrays.copyOfRange(bias, from, to));
  }

  /**
   * The same layer for inputs in groups, each followed by padding that is ignored.
   *
   * @param group number of inputs in a group
   * @param paddedGroup number of inputs in a group, padding included
   */
  LinearLayer withPaddedInputs(int group, int paddedGroup) {
    double[][] padded = new double[outputs()][inputs() / group * paddedGroup];
    for (int output = 0; output < outputs(); output++) {
      for (int input = 0; input < inputs(); input++) {
        padded[output][input / group * paddedGroup + input % group] = weights[output][input];
      }
    }
    return new LinearLayer(padded, bias);
  }

  static double[] doubles(float[] values) {
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }
}
