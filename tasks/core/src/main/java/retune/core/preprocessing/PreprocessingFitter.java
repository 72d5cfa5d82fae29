package retune.core.preprocessing;

import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;

/**
 * Fits preprocessing on training rows. The result is never refitted on later data.
 *
 * <p>A column's type comes from the rules of {@link TypeDetection}, unless the options state it.
 * Columns that carry no information (constants, identifiers) are dropped and listed. A missing
 * category becomes the most frequent one; a missing number or date becomes the median. The mode of
 * a quantity is arbitrary (often 0, at the edge of its range), whereas the median is the value that
 * robust scaling maps to 0. A column with missing values in training gets a further feature that
 * marks them.
 */
public final class PreprocessingFitter {
  private static final Set<DatePart> CATEGORICAL_PARTS =
      Set.of(DatePart.MONTH, DatePart.DAY, DatePart.DAY_OF_WEEK, DatePart.HOUR);

  private final List<CategoricalColumn> categorical = new ArrayList<>();
  private final List<NumericColumn> numeric = new ArrayList<>();
  private final List<DateColumn> dates = new ArrayList<>();
  private final List<DroppedColumn> dropped = new ArrayList<>();
  private @Nullable TextColumn text;

  private PreprocessingFitter() {}

  /**
   * Fits on all rows of the table. The statistics of a column come from its readable values.
   *
   * @throws InvalidInputException if there are no rows, if no feature is left, or if the options
   *     name a column that does not exist or cannot be read as stated
   */
  public static Preprocessing fit(Table trainingRows, FitOptions options) {
    if (trainingRows.rows() == 0) {
      throw new InvalidInputException("There are no training rows to fit preprocessing on.");
    }
    options.refuseUnknownColumns(trainingRows.names());
    PreprocessingFitter fitter = new PreprocessingFitter();
    if (options.texts().size() > 1) {
      throw new InvalidInputException(
          "A model reads one column of texts, but %s are stated; join them in one column, or state one."
              .formatted(options.texts()));
    }
    trainingRows.columns().forEach(column -> fitter.add(column, options));
    return fitter.fitted(options.notation());
  }

  private Preprocessing fitted(@Nullable TableNotation notation) {
    if (text == null && categorical.isEmpty() && numeric.isEmpty() && dates.isEmpty()) {
      throw new InvalidInputException(
          "No column of the training rows can be a feature: "
              + String.join(
                  "; ",
                  dropped.stream()
                      .map(column -> "'" + column.name() + "' is dropped, " + column.reason())
                      .toList())
              + ". Add columns of numbers, categories or dates.");
    }
    return new Preprocessing(categorical, List.of(), numeric, dates, dropped, notation, text);
  }

  private void add(Column column, FitOptions options) {
    if (!options.texts().isEmpty() && options.type(column.name()).isEmpty()) {
      dropped.add(
          new DroppedColumn(
              column.name(), ColumnType.EXCLUDED, "the model reads a column of texts alone"));
      return;
    }
    TypeDetection.Detected detected =
        options
            .type(column.name())
            .map(type -> new TypeDetection.Detected(type, "stated by the caller"))
            .orElseGet(() -> TypeDetection.detect(column));
    String reason = detected.reason();
    switch (detected.type()) {
      case CATEGORICAL -> categorical.add(categorical(column, reason));
      case NUMERIC -> numeric.add(numeric(column, reason, options));
      case DATE -> dates.add(date(column, reason, options));
      case TEXT -> text = text(column);
      case IDENTIFIER, CONSTANT, EXCLUDED ->
          dropped.add(new DroppedColumn(column.name(), detected.type(), reason));
    }
  }

  private static CategoricalColumn categorical(Column column, String reason) {
    List<String> values = RawValues.present(column);
    refuseEmpty(column, values.isEmpty());
    return new CategoricalColumn(
        column.name(),
        CategoryFitting.fit(values),
        CategoryFitting.mostFrequent(values),
        missingValues(values.size() < column.rows()),
        reason);
  }

  private static NumericColumn numeric(Column column, String reason, FitOptions options) {
    Rejections rejections = new Rejections(column.rows());
    double[] values = RawValues.numbers(column, rejections);
    refuseUnreadable(column, rejections, options, "a number");
    double[] present = Arrays.stream(values).filter(Double::isFinite).sorted().toArray();
    refuseEmpty(column, present.length == 0);
    boolean someMissing =
        IntStream.range(0, values.length)
            .anyMatch(row -> Double.isNaN(values[row]) && !rejections.isRejected(row));
    return new NumericColumn(
        column.name(),
        RobustScaling.fit(present),
        RobustScaling.median(present),
        missingValues(someMissing),
        reason);
  }

  private DateColumn date(Column column, String reason, FitOptions options) {
    Rejections rejections = new Rejections(column.rows());
    @Nullable LocalDateTime[] values = RawValues.dates(column, rejections);
    refuseUnreadable(column, rejections, options, "an ISO 8601 date");
    List<LocalDateTime> present = Arrays.stream(values).filter(Objects::nonNull).sorted().toList();
    refuseEmpty(column, present.isEmpty());
    boolean someMissing =
        IntStream.range(0, values.length)
            .anyMatch(row -> values[row] == null && !rejections.isRejected(row));
    List<DateColumn.CategoricalPart> categoricalParts = new ArrayList<>();
    List<DateColumn.NumericPart> numericParts = new ArrayList<>();
    for (DatePart part : DatePart.values()) {
      double[] parts = present.stream().mapToDouble(part::of).toArray();
      if (Arrays.stream(parts).distinct().count() == 1) {
        dropped.add(
            new DroppedColumn(
                part.feature(column.name()),
                ColumnType.CONSTANT,
                "every value is " + NumberText.of(parts[0])));
      } else if (CATEGORICAL_PARTS.contains(part)) {
        categoricalParts.add(
            new DateColumn.CategoricalPart(
                part, CategoryFitting.fit(Arrays.stream(parts).mapToObj(NumberText::of).toList())));
      } else {
        numericParts.add(new DateColumn.NumericPart(part, RobustScaling.fit(parts)));
      }
    }
    return new DateColumn(
        column.name(),
        present.get((present.size() - 1) / 2),
        missingValues(someMissing),
        categoricalParts,
        numericParts,
        reason);
  }

  private static TextColumn text(Column column) {
    List<String> texts = RawValues.present(column);
    refuseEmpty(column, texts.isEmpty());
    return TextFitting.fit(column.name(), texts);
  }

  private static MissingValues missingValues(boolean someMissing) {
    return someMissing ? MissingValues.INDICATE : MissingValues.IMPUTE;
  }

  private static void refuseEmpty(Column column, boolean empty) {
    if (empty) {
      throw new InvalidInputException(
          "Column '" + column.name() + "' has no value in any training row; exclude it.");
    }
  }

  /** Refuses unreadable values in a column whose type the caller states: they may be errors. */
  private static void refuseUnreadable(
      Column column, Rejections rejections, FitOptions options, String expected) {
    if (options.type(column.name()).isEmpty()) {
      return;
    }
    IntStream.range(0, column.rows())
        .filter(rejections::isRejected)
        .findFirst()
        .ifPresent(
            row -> {
              throw new InvalidInputException(
                  "Training row "
                      + row
                      + " has '"
                      + column.text(row)
                      + "' in the column '"
                      + column.name()
                      + "', which is not "
                      + expected
                      + "; correct it, or state another type for the column.");
            });
  }
}
