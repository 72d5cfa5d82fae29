package retune.core.preprocessing;

import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.regex.Pattern;
import retune.core.data.Column;

/**
 * Tells what a column of training rows is, by these rules, the first that holds:
 *
 * <ol>
 *   <li>text of which at least 99 % are numbers: judged as numbers
 *   <li>no value at all, or one value in every row: constant; one value or missing: categorical
 *   <li>two different values: categorical
 *   <li>whole numbers, none twice, in 20 rows or more, that fill at least half of their range or
 *       have an identifier's name ({@code id}, {@code customer_id}, {@code customerId}): identifier
 *   <li>whole numbers, at most 20 different, that fill at least half of their range and occur 5
 *       times or more on average: codes, categorical
 *   <li>other numbers: numeric
 *   <li>text of which at least 99 % are ISO 8601 dates: date
 *   <li>text in 20 rows or more with more than half of them different, or none frequent enough to
 *       learn from: identifier
 *   <li>other text: categorical
 * </ol>
 *
 * The 99 % allow for typing errors; a row with such a value is rejected and counted later.
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

  /** A column's type and the reason, as a phrase for people. */
  public record Detected(ColumnType type, String reason) {}

  private TypeDetection() {}

  /** What the column is, and why. */
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
        ? ofNumbers(column, present, unreadable(texts.size() - present.length, "finite numbers"))
        : ofTexts(column, texts);
  }

  private static Detected ofNumbers(Column column, double[] present, String remark) {
    // Adding 0 turns −0 into 0, which is the same number to everyone but a set of doubles.
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
            ColumnType.IDENTIFIER, "a whole number of its own in every row, " + range);
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
              + unreadable((int) (texts.size() - dates), "ISO dates"));
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

  private static String unreadable(int values, String what) {
    return values == 0 ? "" : "; " + values + " values are no " + what;
  }
}
