package retune.learning.torch;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;

/** Rows as input of one of a network's methods. */
public sealed interface NetworkInput {
  int rows();

  TorchModule.Method method();

  /** The given rows, in that order. */
  NetworkInput select(int[] rows);

  /** All rows as the method's arguments. */
  NDList arrays(NDManager manager);

  /** Features, for the whole network. */
  record FeatureRows(Features features) implements NetworkInput {
    @Override
    public int rows() {
      return features.rows();
    }

    @Override
    public TorchModule.Method method() {
      return TorchModule.Method.FORWARD;
    }

    @Override
    public FeatureRows select(int[] rows) {
      return new FeatureRows(features.select(rows));
    }

    @Override
    public NDList arrays(NDManager manager) {
      int rows = rows();
      int categorical = features.codes().length;
      long[] codes = new long[rows * categorical];
      for (int feature = 0; feature < categorical; feature++) {
        int[] column = features.codes()[feature];
        for (int row = 0; row < rows; row++) {
          codes[row * categorical + feature] = column[row];
        }
      }
      int numeric = features.numbers().length;
      float[] numbers = new float[rows * numeric];
      for (int feature = 0; feature < numeric; feature++) {
        for (int row = 0; row < rows; row++) {
          numbers[row * numeric + feature] = features.numbers()[feature][row];
        }
      }
      return new NDList(
          manager.create(codes, new Shape(rows, categorical)),
          manager.create(numbers, new Shape(rows, numeric)));
    }

    /** The rows that {@link #arrays} made these of. */
    static Features features(FeatureSchema schema, NDList arrays) {
      long[] codes = arrays.get(0).toLongArray();
      float[] numbers = arrays.get(1).toFloatArray();
      int rows = (int) arrays.head().getShape().get(0);
      int[][] byCategorical = new int[schema.categorical().size()][rows];
      for (int i = 0; i < codes.length; i++) {
        byCategorical[i % byCategorical.length][i / byCategorical.length] = (int) codes[i];
      }
      float[][] byNumeric = new float[schema.numeric().size()][rows];
      for (int i = 0; i < numbers.length; i++) {
        byNumeric[i % byNumeric.length][i / byNumeric.length] = numbers[i];
      }
      return new Features(schema, rows, byCategorical, byNumeric);
    }
  }

  /**
   * Encoded rows, for the head.
   *
   * @param values {@code rows × size}, row-major
   */
  record EncodedRows(float[] values, int size) implements NetworkInput {
    @Override
    public int rows() {
      return values.length / size;
    }

    @Override
    public TorchModule.Method method() {
      return TorchModule.Method.HEAD;
    }

    @Override
    public EncodedRows select(int[] rows) {
      float[] selected = new float[rows.length * size];
      for (int i = 0; i < rows.length; i++) {
        System.arraycopy(values, rows[i] * size, selected, i * size, size);
      }
      return new EncodedRows(selected, size);
    }

    @Override
    public NDList arrays(NDManager manager) {
      return new NDList(manager.create(values, new Shape(rows(), size)));
    }
  }
}
