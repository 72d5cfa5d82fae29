package retune.core.preprocessing;

import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.regex.Pattern;
import retune.core.data.Column;

/**
 * Detects the type of a column of training rows. The first of these rules that applies decides:
 *
 * <ol>
 *   <li>text, at least 99 % of it numbers: treated as numbers in the rules below
 *   <li>no value at all, or the same value in every row: constant; one value, in some rows only:
 *       categorical
 *   <li>two distinct values: categorical
 *   <li>whole numbers in 20 or more rows, a different one in every row, that fill at least half of
 *       their range or have an identifier's name ({@code id}, {@code customer_id}, {@code
 *       customerId}): identifier
 *   <li>whole numbers, at most 20 distinct, that fill at least half of their range and occur 5
 *       times or more on average: codes, categorical
 *   <li>other numbers: numeric
 *   <li>text, at least 99 % of it ISO 8601 dates: date
 *   <li>text in 20 or more rows, of which more than half are distinct or none is frequent enough to
 *       learn from: identifier
 *   <li>other text: categorical
 * </ol>
 *
 * The remaining 1 % allows for typing errors; a row with such a value is later rejected and
 * counted.
 */
public final class TypeDetection {
  private static final double READABLE_SHARE = 0.99;
  private static final int IDENTIFIER_ROWS = 20;
  private static final double IDENTIFIER_FILL = 0.5;
  private static final double IDENTIFIER_DISTINCT = 0.5;
  private static final Pattern IDENTIFIER_NAME =
      Pattern.compile("(.*[_ .-])?([iI][dD]|[uU][uU][iI][dD])|.*[a-z](Id|ID)");
  private static final int MOST_CODES = 20;
  private static final double CODES_FILL = 0.5;
  private static final int ROWS_A_CODE = 5;

  /** The type of a column, and the reason as a phrase for people. */
  public record Detected(ColumnType type, String reason) {}

  private TypeDetection() {}

  /** Detects the column's type, with the reason. */
  public static Detected detect(Column column) {
    if (column instanceof Column.Numbers numbers) {
      double[] present = Arrays.stream(numbers.values()).filter(Double::isFinite).toArray();
      return ofNumbers(column, present, "");
    }
    List<String> texts = RawValues.present(column);
    double[] present =
        texts.stream()
            .map(NumberText::parse)
            .flatMapToDouble(OptionalDouble::stream)
            .filter(Double::isFinite)
            .toArray();
    return present.length > 0 && present.length >= READABLE_SHARE * texts.size()
        ? ofNumbers(
            column,
            present,
            unreadable(texts.size() - present.length, "a finite number", "finite numbers"))
        : ofTexts(column, texts);
  }

  private static Detected ofNumbers(Column column, double[] present, String remark) {
    // Adding 0 turns −0 into 0: the two are equal, but distinct() keeps them apart.
    double[] distinct =
        Arrays.stream(present).map(value -> value + 0.0).distinct().sorted().toArray();
    if (distinct.length <= 2) {
      return ofFewValues(
          Arrays.stream(distinct).mapToObj(NumberText::of).toList(),
          present.length == column.rows());
    }
    double least = distinct[0];
    double greatest = distinct[distinct.length - 1];
    String range = NumberText.of(least) + " to " + NumberText.of(greatest) + remark;
    boolean whole = Arrays.stream(distinct).allMatch(value -> value == Math.rint(value));
    if (whole) {
      double fill = distinct.length / (greatest - least + 1);
      if (distinct.length == column.rows()
          && distinct.length >= IDENTIFIER_ROWS
          && (fill >= IDENTIFIER_FILL || IDENTIFIER_NAME.matcher(column.name()).matches())) {
        return new Detected(
            ColumnType.IDENTIFIER, "a different whole number in every row, " + range);
      }
      if (distinct.length <= MOST_CODES
          && fill >= CODES_FILL
          && present.length >= ROWS_A_CODE * distinct.length) {
        return new Detected(
            ColumnType.CATEGORICAL,
            distinct.length + " different whole numbers that fill " + range);
      }
    }
    return new Detected(
        ColumnType.NUMERIC,
        distinct.length + " different " + (whole ? "whole numbers, " : "numbers, ") + range);
  }

  private static Detected ofTexts(Column column, List<String> texts) {
    List<String> distinct = texts.stream().distinct().sorted().toList();
    if (distinct.size() <= 2) {
      return ofFewValues(distinct, texts.size() == column.rows());
    }
    long dates = texts.stream().filter(text -> DateText.parse(text).isPresent()).count();
    if (dates >= READABLE_SHARE * texts.size()) {
      return new Detected(
          ColumnType.DATE,
          distinct.getFirst()
              + " to "
              + distinct.getLast()
              + unreadable((int) (texts.size() - dates), "an ISO date", "ISO dates"));
    }
    int enough = CategoryFitting.enoughRows(texts.size());
    boolean learnable =
        CategoryFitting.count(texts).values().stream().anyMatch(count -> count >= enough);
    String reason = distinct.size() + " different texts in " + texts.size() + " rows";
    return texts.size() >= IDENTIFIER_ROWS
            && (distinct.size() > IDENTIFIER_DISTINCT * texts.size() || !learnable)
        ? new Detected(ColumnType.IDENTIFIER, reason + ": too few rows of each to learn from")
        : new Detected(ColumnType.CATEGORICAL, reason);
  }

  private static Detected ofFewValues(List<String> distinct, boolean complete) {
    return switch (distinct.size()) {
      case 0 -> new Detected(ColumnType.CONSTANT, "no value in any row");
      case 1 ->
          complete
              ? new Detected(ColumnType.CONSTANT, "every value is " + distinct.getFirst())
              : new Detected(
                  ColumnType.CATEGORICAL, "the value is " + distinct.getFirst() + " or missing");
      default ->
          new Detected(ColumnType.CATEGORICAL, "two values: " + String.join(" and ", distinct));
    };
  }

  private static String unreadable(int values, String one, String many) {
    return switch (values) {
      case 0 -> "";
      case 1 -> "; 1 value is not " + one;
      default -> "; " + values + " values are not " + many;
    };
  }
}
