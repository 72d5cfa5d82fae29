package retune.core.preprocessing;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;

/**
 * What the caller knows better than the rules of {@link PreprocessingFitter}. Each list has column
 * names; a name that the table lacks, or that two lists have, is an {@link
 * retune.core.InvalidInputException}.
 *
 * @param excluded columns that are no features: the target, at least
 * @param texts the column of texts, at most one; then no other column is a feature
 * @param notation how the table is written, for later files of the model; null where that is plain
 */
public record FitOptions(
    List<String> excluded,
    List<String> categorical,
    List<String> numeric,
    List<String> dates,
    List<String> identifiers,
    List<String> texts,
    @Nullable TableNotation notation) {
  public FitOptions {
    excluded = List.copyOf(excluded);
    categorical = List.copyOf(categorical);
    numeric = List.copyOf(numeric);
    dates = List.copyOf(dates);
    identifiers = List.copyOf(identifiers);
    texts = List.copyOf(texts);
  }

  /** Of a table that is written as Retune itself writes. */
  public FitOptions(
      List<String> excluded,
      List<String> categorical,
      List<String> numeric,
      List<String> dates,
      List<String> identifiers) {
    this(excluded, categorical, numeric, dates, identifiers, List.of(), null);
  }

  /** The same for a table that is written so. */
  public FitOptions withNotation(@Nullable TableNotation written) {
    return new FitOptions(excluded, categorical, numeric, dates, identifiers, texts, written);
  }

  /** The same with these columns of texts. */
  public FitOptions withTexts(List<String> columns) {
    return new FitOptions(excluded, categorical, numeric, dates, identifiers, columns, notation);
  }

  /** The same without these columns, too, but for those whose type is stated. */
  public FitOptions excludingAlso(List<String> columns) {
    List<String> all = new ArrayList<>(excluded);
    columns.stream().filter(column -> type(column).isEmpty()).forEach(all::add);
    return new FitOptions(all, categorical, numeric, dates, identifiers, texts, notation);
  }

  /** Nothing overridden, these columns left out. */
  public static FitOptions excluding(String... columns) {
    return new FitOptions(List.of(columns), List.of(), List.of(), List.of(), List.of());
  }

  /** A column's type where the caller states it. */
  Optional<ColumnType> type(String column) {
    return stated().entrySet().stream()
        .filter(entry -> entry.getValue().contains(column))
        .map(Map.Entry::getKey)
        .findFirst();
  }

  void refuseUnknownColumns(List<String> columns) {
    Set<String> seen = new HashSet<>();
    for (String column : stated().values().stream().flatMap(List::stream).toList()) {
      if (!columns.contains(column)) {
        throw new InvalidInputException(
            "The training rows have no column '"
                + column
                + "' whose type could be stated; their columns are "
                + columns
                + ".");
      }
      if (!seen.add(column)) {
        throw new InvalidInputException(
            "Column '" + column + "' is listed twice; state one type for it.");
      }
    }
  }

  private Map<ColumnType, List<String>> stated() {
    return Map.of(
        ColumnType.EXCLUDED, excluded,
        ColumnType.CATEGORICAL, categorical,
        ColumnType.NUMERIC, numeric,
        ColumnType.DATE, dates,
        ColumnType.IDENTIFIER, identifiers,
        ColumnType.TEXT, texts);
  }
}
