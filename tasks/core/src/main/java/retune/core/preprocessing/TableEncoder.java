package retune.core.preprocessing;

import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.data.Table;

/**
 * Applies fitted preprocessing to tables. Reads every column of a table first, to find the rows to
 * reject, then encodes the remaining rows, so that outcomes are counted for these alone. Whoever
 * encodes many small tables should keep it: making it looks at every category.
 */
public final class TableEncoder {
  private final Preprocessing preprocessing;
  private final FeatureSchema schema;
  private final List<String> rawColumns;
  private final Set<String> expectedColumns;
  private final Map<String, CategoryEncoder> categoryEncoders = new HashMap<>();

  TableEncoder(Preprocessing preprocessing) {
    this.preprocessing = preprocessing;
    this.schema = preprocessing.schema();
    this.rawColumns = preprocessing.rawColumns();
    this.expectedColumns = new HashSet<>(rawColumns);
    preprocessing.dropped().forEach(column -> expectedColumns.add(column.name()));
    for (CategoricalColumn column : preprocessing.categorical()) {
      addEncoder(column.name(), column.categories());
    }
    for (DateColumn column : preprocessing.dates()) {
      for (DateColumn.CategoricalPart part : column.categorical()) {
        addEncoder(part.part().feature(column.name()), part.categories());
      }
    }
  }

  private void addEncoder(String feature, Categories categories) {
    categoryEncoders.put(feature, new CategoryEncoder(feature, categories));
  }

  private CategoryEncoder encoder(String feature) {
    return Objects.requireNonNull(categoryEncoders.get(feature), feature);
  }

  /** The raw columns that are read; a table must have all of them. */
  public List<String> rawColumns() {
    return rawColumns;
  }

  /**
   * Turns raw rows into features, telling which value of which row a rule replaced.
   *
   * @param firstRow number of the table's first row in messages; the rows of a batch count from 0
   * @throws InvalidInputException if a column is missing, or a code is out of range in a {@link
   *     CodeColumn} that has no code for the unknown
   */
  public Preprocessing.Result apply(Table raw, long firstRow, Preprocessing.Observer observer) {
    return new Encoding(raw, firstRow, observer).result();
  }

  /** The encoding of one table. */
  private final class Encoding {
    private final Table raw;
    private final Map<String, Column> columns;
    private final long firstRow;
    private final Rejections rejections;
    private final OutcomeCounts outcomes;
    private final List<int[]> codes = new ArrayList<>();
    private final List<int[]> missing = new ArrayList<>();
    private final List<float[]> numbers = new ArrayList<>();

    Encoding(Table raw, long firstRow, Preprocessing.Observer observer) {
      this.raw = raw;
      this.columns = HashMap.newHashMap(raw.columns().size());
      raw.columns().forEach(column -> columns.put(column.name(), column));
      this.firstRow = firstRow;
      this.rejections = new Rejections(raw.rows());
      this.outcomes = new OutcomeCounts(observer);
    }

    Preprocessing.Result result() {
      if (!columns.keySet().containsAll(rawColumns)) {
        preprocessing.requireColumns(raw.names());
      }
      List<Consumer<int[]>> encodings = new ArrayList<>();
      preprocessing.categorical().forEach(column -> encodings.add(read(column)));
      preprocessing.codes().forEach(column -> encodings.add(read(column)));
      preprocessing.numeric().forEach(column -> encodings.add(read(column)));
      preprocessing.dates().forEach(column -> encodings.add(read(column)));
      TextColumn text = preprocessing.text();
      if (text != null) {
        encodings.add(read(text));
      }
      int[] keptRows = rejections.keptRows();
      encodings.forEach(encoding -> encoding.accept(keptRows));
      codes.addAll(missing);
      countExtraColumns(keptRows.length);
      return new Preprocessing.Result(
          new Features(
              schema,
              keptRows.length,
              codes.toArray(int[][]::new),
              numbers.toArray(float[][]::new)),
          keptRows,
          rejections.counts(),
          outcomes.counts());
    }

    private Consumer<int[]> read(CategoricalColumn column) {
      @Nullable String[] values = RawValues.texts(column(column.name()));
      rejectMissing(column.name(), column.missing(), row -> values[row] == null);
      return keptRows -> {
        fill(column.name(), column.missing(), keptRows, row -> values[row] == null);
        CategoryEncoder encoder = encoder(column.name());
        int[] encoded = new int[keptRows.length];
        for (int i = 0; i < encoded.length; i++) {
          String value = values[keptRows[i]];
          encoded[i] = encoder.code(value == null ? column.fill() : value, keptRows[i], outcomes);
        }
        codes.add(encoded);
      };
    }

    private Consumer<int[]> read(CodeColumn column) {
      double[] values = RawValues.numbers(column(column.name()), rejections);
      for (int row = 0; row < values.length; row++) {
        if (Double.isNaN(values[row])) {
          if (column.unknown() == CodeColumn.NONE) {
            rejections.reject(row, Outcome.MISSING_VALUE, column.name());
          }
        } else if (values[row] != Math.rint(values[row])) {
          rejections.reject(row, Outcome.WRONG_TYPE, column.name());
        } else if (column.unknown() == CodeColumn.NONE && !column.has(values[row])) {
          throw new InvalidInputException(
              "Row "
                  + (firstRow + row)
                  + " has "
                  + NumberText.of(values[row])
                  + " in the column '"
                  + column.name()
                  + "', whose codes are 0 to "
                  + (column.cardinality() - 1)
                  + ". Encode the data as the model's training data was encoded.");
        }
      }
      return keptRows -> {
        int[] encoded = new int[keptRows.length];
        for (int i = 0; i < encoded.length; i++) {
          double value = values[keptRows[i]];
          encoded[i] = column.has(value) ? (int) value : column.unknown();
          if (!column.has(value)) {
            outcomes.addRow(Outcome.UNKNOWN_CODE, column.name(), keptRows[i]);
          }
        }
        codes.add(encoded);
      };
    }

    private Consumer<int[]> read(NumericColumn column) {
      double[] values = RawValues.numbers(column(column.name()), rejections);
      rejectMissing(column.name(), column.missing(), row -> Double.isNaN(values[row]));
      return keptRows -> {
        fill(column.name(), column.missing(), keptRows, row -> Double.isNaN(values[row]));
        double[] filled = new double[keptRows.length];
        for (int i = 0; i < filled.length; i++) {
          double value = values[keptRows[i]];
          filled[i] = Double.isNaN(value) ? column.fill() : value;
        }
        numbers.add(scale(column.name(), column.scaling(), filled, keptRows));
      };
    }

    private Consumer<int[]> read(DateColumn column) {
      @Nullable LocalDateTime[] values = RawValues.dates(column(column.name()), rejections);
      rejectMissing(column.name(), column.missing(), row -> values[row] == null);
      return keptRows -> {
        fill(column.name(), column.missing(), keptRows, row -> values[row] == null);
        LocalDateTime[] filled = new LocalDateTime[keptRows.length];
        for (int i = 0; i < filled.length; i++) {
          LocalDateTime value = values[keptRows[i]];
          filled[i] = value == null ? column.fill() : value;
        }
        for (DateColumn.CategoricalPart part : column.categorical()) {
          CategoryEncoder encoder = encoder(part.part().feature(column.name()));
          int[] encoded = new int[filled.length];
          for (int i = 0; i < encoded.length; i++) {
            encoded[i] =
                encoder.code(NumberText.of(part.part().of(filled[i])), keptRows[i], outcomes);
          }
          codes.add(encoded);
        }
        for (DateColumn.NumericPart part : column.numeric()) {
          double[] parts = new double[filled.length];
          for (int i = 0; i < parts.length; i++) {
            parts[i] = part.part().of(filled[i]);
          }
          numbers.add(scale(part.part().feature(column.name()), part.scaling(), parts, keptRows));
        }
      };
    }

    private Consumer<int[]> read(TextColumn column) {
      @Nullable String[] values = RawValues.texts(column(column.name()));
      rejectMissing(column.name(), MissingValues.REJECT, row -> values[row] == null);
      return keptRows -> {
        int[][] terms = new int[column.length()][keptRows.length];
        float[] words = new float[keptRows.length];
        float[] unknown = new float[keptRows.length];
        for (int i = 0; i < keptRows.length; i++) {
          TextColumn.Coded coded = column.code(Objects.requireNonNull(values[keptRows[i]]));
          for (int position = 0; position < coded.codes().length; position++) {
            terms[position][i] = coded.codes()[position];
          }
          words[i] = coded.words();
          unknown[i] = coded.unknownShare();
          if (coded.codes().length == 0) {
            outcomes.addRow(Outcome.UNSEEN_CATEGORY, column.name(), keptRows[i]);
          }
          if (coded.isShortened()) {
            outcomes.addRow(Outcome.CLIPPED, column.name(), keptRows[i]);
          }
        }
        codes.addAll(List.of(terms));
        numbers.add(words);
        numbers.add(unknown);
      };
    }

    private Column column(String name) {
      return Objects.requireNonNull(columns.get(name), name);
    }

    private void rejectMissing(String column, MissingValues policy, IntPredicate isMissing) {
      if (policy != MissingValues.REJECT) {
        return;
      }
      for (int row = 0; row < raw.rows(); row++) {
        if (isMissing.test(row)) {
          rejections.reject(row, Outcome.MISSING_VALUE, column);
        }
      }
    }

    /** Counts the imputed values, and adds the missing-value indicator if the column has one. */
    private void fill(String column, MissingValues policy, int[] keptRows, IntPredicate isMissing) {
      int[] indicator = new int[keptRows.length];
      for (int i = 0; i < indicator.length; i++) {
        if (isMissing.test(keptRows[i])) {
          indicator[i] = 1;
          outcomes.addRow(Outcome.IMPUTED, column, keptRows[i]);
        }
      }
      if (policy == MissingValues.INDICATE) {
        missing.add(indicator);
      }
    }

    private float[] scale(String feature, Scaling scaling, double[] values, int[] keptRows) {
      float[] scaled = new float[values.length];
      for (int i = 0; i < scaled.length; i++) {
        double value = (values[i] - scaling.center()) / scaling.scale();
        if (Math.abs(value) > scaling.limit()) {
          outcomes.addRow(Outcome.CLIPPED, feature, keptRows[i]);
        }
        scaled[i] = (float) Math.clamp(value, -scaling.limit(), scaling.limit());
      }
      return scaled;
    }

    private void countExtraColumns(int rows) {
      for (String name : columns.keySet()) {
        if (!expectedColumns.contains(name)) {
          outcomes.addTimes(Outcome.EXTRA_COLUMN, name, rows);
        }
      }
    }
  }
}
