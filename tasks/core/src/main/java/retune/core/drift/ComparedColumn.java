package retune.core.drift;

import java.util.Arrays;
import java.util.List;

/** A column of the reference beside the same column of a batch. */
public sealed interface ComparedColumn {
  String name();

  /** Rows of the batch. */
  int rows();

  /** The same of some rows. */
  ComparedColumn select(int[] referenceRows, int[] currentRows);

  /**
   * Numbers.
   *
   * @param reference finite values, at least one
   * @param current finite values of the batch, at least one
   * @param center with {@code scale}: a value's original is {@code value · scale + center}
   */
  record Numbers(String name, float[] reference, float[] current, double center, double scale)
      implements ComparedColumn {
    @Override
    public int rows() {
      return current.length;
    }

    @Override
    public Numbers select(int[] referenceRows, int[] currentRows) {
      return new Numbers(
          name, taken(reference, referenceRows), taken(current, currentRows), center, scale);
    }

    private static float[] taken(float[] values, int[] rows) {
      float[] selected = new float[rows.length];
      for (int i = 0; i < rows.length; i++) {
        selected[i] = values[rows[i]];
      }
      return selected;
    }
  }

  /**
   * Categories.
   *
   * @param labels the text of each code
   * @param reference codes, at least one
   * @param current codes of the batch, at least one
   */
  record Codes(String name, List<String> labels, int[] reference, int[] current)
      implements ComparedColumn {
    public Codes {
      labels = List.copyOf(labels);
    }

    @Override
    public int rows() {
      return current.length;
    }

    @Override
    public Codes select(int[] referenceRows, int[] currentRows) {
      return new Codes(name, labels, taken(reference, referenceRows), taken(current, currentRows));
    }

    private static int[] taken(int[] values, int[] rows) {
      return Arrays.stream(rows).map(row -> values[row]).toArray();
    }
  }

  /** What some rows have. */
  enum Property {
    /** No value in the column. */
    MISSING("missing"),
    /** A category or code that training did not have. */
    UNSEEN("unseen category"),
    /** A value that no row may have, so that it was left out. */
    REJECTED("rejected rows");

    private final String words;

    Property(String words) {
      this.words = words;
    }

    public String words() {
      return words;
    }
  }

  /**
   * How many rows have a property.
   *
   * @param column empty for the whole row
   */
  record Share(
      Property property,
      String column,
      long referenceHits,
      long referenceRows,
      long currentHits,
      long currentRows) {
    /** The share of the reference's rows. */
    public double reference() {
      return (double) referenceHits / referenceRows;
    }

    /** The share of the batch's rows. */
    public double current() {
      return (double) currentHits / currentRows;
    }
  }
}
