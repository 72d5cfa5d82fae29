package retune.core.preprocessing;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.FeatureSchema;
import retune.core.data.Features;
import retune.core.data.Hashing;
import retune.core.data.Table;

/**
 * Fitted preprocessing: how each raw column becomes features. A value object that travels with a
 * model version. It is never refitted on later data, so a row's features do not depend on other
 * rows.
 *
 * <p>The order of the features: the categorical features are the categorical columns, the code
 * columns, the categorical parts of dates, then one {@code NAME_missing} for each column
 * (categorical, numeric, date) that had missing values in training. The numeric features are the
 * numeric columns, then the numeric parts of dates. A model of texts has those of {@link
 * TextColumn} alone.
 *
 * @param dropped columns and date parts of the training rows that give no feature
 * @param notation how the training table was written; null if it was written as Retune writes, or
 *     if that is unknown
 * @param text the column of texts, which is then the only one; null in a model of other columns
 */
public record Preprocessing(
    List<CategoricalColumn> categorical,
    List<CodeColumn> codes,
    List<NumericColumn> numeric,
    List<DateColumn> dates,
    List<DroppedColumn> dropped,
    @Nullable TableNotation notation,
    @Nullable TextColumn text) {
  private static final int MISSING_OR_NOT = 2;

  /**
   * Rows as features.
   *
   * @param features the kept rows
   * @param keptRows their positions in the raw table, ascending
   * @param rejected number of rejected rows; each row counts once, for the first reason found
   * @param outcomes number of values in kept rows that a rule replaced or ignored
   */
  public record Result(
      Features features,
      int[] keptRows,
      Map<Occurrence, Integer> rejected,
      Map<Occurrence, Integer> outcomes) {}

  /** Is told of each value of a kept row that a rule replaced. */
  public interface Observer {
    /** Tells nobody. */
    Observer NONE = (_, _, _) -> {};

    /**
     * A value was replaced.
     *
     * @param row position in the raw table
     * @param feature the column, or the part of a date
     */
    void handled(int row, Outcome outcome, String feature);
  }

  public Preprocessing {
    categorical = List.copyOf(categorical);
    codes = List.copyOf(codes);
    numeric = List.copyOf(numeric);
    dates = List.copyOf(dates);
    dropped = List.copyOf(dropped);
    if (text != null
        && !(categorical.isEmpty() && codes.isEmpty() && numeric.isEmpty() && dates.isEmpty())) {
      throw new InvalidInputException(
          "The column '%s' has texts, and a model of texts reads no other column; exclude the others."
              .formatted(text.name()));
    }
    refuseDuplicates(schemaOf(categorical, codes, numeric, dates, text));
  }

  /** For a model whose preprocessing happens elsewhere: codes and numbers are taken as they are. */
  public static Preprocessing given(List<CodeColumn> codes, List<NumericColumn> numeric) {
    return new Preprocessing(List.of(), codes, numeric, List.of(), List.of(), null, null);
  }

  public FeatureSchema schema() {
    return schemaOf(categorical, codes, numeric, dates, text);
  }

  /** The limit to which each numeric feature's absolute value is clipped, after scaling. */
  public float[] limits() {
    List<Scaling> scalings = new ArrayList<>();
    numeric.forEach(column -> scalings.add(column.scaling()));
    dates.forEach(column -> column.numeric().forEach(part -> scalings.add(part.scaling())));
    float[] limits = new float[scalings.size()];
    for (int i = 0; i < limits.length; i++) {
      limits[i] = (float) scalings.get(i).limit();
    }
    if (text != null) {
      limits = new float[text.numericFeatures().size()];
      Arrays.fill(limits, Float.POSITIVE_INFINITY);
    }
    return limits;
  }

  /** The name of the feature whose code 1 says that the column's value is missing. */
  public static String missingFeature(String column) {
    return column + "_missing";
  }

  /** The raw columns that are read; data must have all of them. */
  public List<String> rawColumns() {
    return Stream.of(
            categorical.stream().map(CategoricalColumn::name),
            codes.stream().map(CodeColumn::name),
            numeric.stream().map(NumericColumn::name),
            dates.stream().map(DateColumn::name),
            Stream.ofNullable(text).map(TextColumn::name))
        .flatMap(names -> names)
        .toList();
  }

  /** The names of the features that each raw column gives, in the order of {@link #rawColumns}. */
  public Map<String, List<String>> featuresByColumn() {
    Map<String, List<String>> features = new LinkedHashMap<>();
    categorical.forEach(
        column -> features.put(column.name(), features(column.name(), column.missing())));
    codes.forEach(column -> features.put(column.name(), List.of(column.name())));
    numeric.forEach(
        column -> features.put(column.name(), features(column.name(), column.missing())));
    for (DateColumn column : dates) {
      List<String> parts = new ArrayList<>();
      column.categorical().forEach(part -> parts.add(part.part().feature(column.name())));
      column.numeric().forEach(part -> parts.add(part.part().feature(column.name())));
      if (column.missing() == MissingValues.INDICATE) {
        parts.add(missingFeature(column.name()));
      }
      features.put(column.name(), List.copyOf(parts));
    }
    if (text != null) {
      features.put(text.name(), text.features());
    }
    return features;
  }

  private static List<String> features(String column, MissingValues missing) {
    return missing == MissingValues.INDICATE
        ? List.of(column, missingFeature(column))
        : List.of(column);
  }

  /**
   * Refuses data that lacks a column.
   *
   * @param names the columns of the data
   * @throws InvalidInputException naming the columns that are missing
   */
  public void requireColumns(List<String> names) {
    List<String> lacking = new ArrayList<>(rawColumns());
    lacking.removeAll(names);
    if (!lacking.isEmpty()) {
      throw new InvalidInputException(
          "The data lacks "
              + lacking
              + ", which the model reads; its columns are "
              + names
              + ". Send the missing columns, or use a model trained without them.");
    }
  }

  /** SHA-256 of the whole content; equal preprocessing has equal hashes. */
  public String hash() {
    return Hashing.sha256(CanonicalText.of(this));
  }

  /** {@link #apply(Table, long)} for a table that holds all rows. */
  public Result apply(Table raw) {
    return apply(raw, 0);
  }

  /**
   * Turns raw rows into features. Chunks of rows give the same features and counts as all rows at
   * once.
   *
   * @param firstRow number of the table's first row in messages; the rows of a batch count from 0
   * @throws InvalidInputException if a column is missing, or a code is out of range in a {@link
   *     CodeColumn} that has no code for the unknown
   */
  public Result apply(Table raw, long firstRow) {
    return encoder().apply(raw, firstRow, Observer.NONE);
  }

  /** What applies this to many tables, and tells which values a rule replaced. */
  public TableEncoder encoder() {
    return new TableEncoder(this);
  }

  private static FeatureSchema schemaOf(
      List<CategoricalColumn> categorical,
      List<CodeColumn> codes,
      List<NumericColumn> numeric,
      List<DateColumn> dates,
      @Nullable TextColumn text) {
    List<FeatureSchema.Categorical> coded = new ArrayList<>();
    List<FeatureSchema.Categorical> missing = new ArrayList<>();
    List<String> numbers = new ArrayList<>();
    for (CategoricalColumn column : categorical) {
      coded.add(coded(column.name(), column.categories().cardinality()));
      addMissing(missing, column.name(), column.missing());
    }
    for (CodeColumn column : codes) {
      coded.add(coded(column.name(), column.cardinality()));
    }
    for (NumericColumn column : numeric) {
      numbers.add(column.name());
      addMissing(missing, column.name(), column.missing());
    }
    for (DateColumn column : dates) {
      for (DateColumn.CategoricalPart part : column.categorical()) {
        coded.add(coded(part.part().feature(column.name()), part.categories().cardinality()));
      }
      column.numeric().forEach(part -> numbers.add(part.part().feature(column.name())));
      addMissing(missing, column.name(), column.missing());
    }
    if (text != null) {
      text.codeFeatures().forEach(feature -> coded.add(coded(feature, text.cardinality())));
      numbers.addAll(text.numericFeatures());
    }
    coded.addAll(missing);
    return new FeatureSchema(coded, numbers);
  }

  private static FeatureSchema.Categorical coded(String name, int cardinality) {
    return new FeatureSchema.Categorical(name, cardinality);
  }

  private static void addMissing(
      List<FeatureSchema.Categorical> features, String column, MissingValues missing) {
    if (missing == MissingValues.INDICATE) {
      features.add(coded(missingFeature(column), MISSING_OR_NOT));
    }
  }

  private static void refuseDuplicates(FeatureSchema schema) {
    Set<String> seen = new HashSet<>();
    Stream.concat(
            schema.categorical().stream().map(FeatureSchema.Categorical::name),
            schema.numeric().stream())
        .filter(name -> !seen.add(name))
        .findFirst()
        .ifPresent(
            name -> {
              throw new InvalidInputException(
                  "Two features would be named '" + name + "'; rename that raw column.");
            });
  }
}
