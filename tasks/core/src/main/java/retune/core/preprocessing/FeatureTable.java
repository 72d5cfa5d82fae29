package retune.core.preprocessing;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import retune.core.data.Column;
import retune.core.data.Features;
import retune.core.data.Table;

/**
 * Features as a person reads them: categories by name, numbers in their own unit. A missing value
 * appears as what stands in for it, a category without a code of its own as {@value #OTHER}.
 */
public final class FeatureTable {
  private static final String OTHER = "(other)";

  private FeatureTable() {}

  /**
   * The table of some features.
   *
   * @param features made by the preprocessing
   * @param wanted which features, by name
   */
  public static Table of(Preprocessing preprocessing, Features features, Predicate<String> wanted) {
    List<IntFunction<String>> categories = categories(preprocessing);
    List<Scaling> scalings = scalings(preprocessing);
    List<Column> columns = new ArrayList<>();
    for (int i = 0; i < features.codes().length; i++) {
      String name = features.schema().categorical().get(i).name();
      if (wanted.test(name)) {
        columns.add(
            new Column.Texts(
                name,
                Arrays.stream(features.codes()[i])
                    .mapToObj(categories.get(i))
                    .toArray(String[]::new)));
      }
    }
    for (int i = 0; i < features.numbers().length; i++) {
      String name = features.schema().numeric().get(i);
      if (wanted.test(name)) {
        columns.add(new Column.Numbers(name, unscaled(features.numbers()[i], scalings.get(i))));
      }
    }
    return new Table(columns);
  }

  private static double[] unscaled(float[] numbers, Scaling scaling) {
    double[] values = new double[numbers.length];
    for (int row = 0; row < values.length; row++) {
      values[row] = scaling.center() + scaling.scale() * numbers[row];
    }
    return values;
  }

  /** The scalings of the numeric features, in their order. */
  private static List<Scaling> scalings(Preprocessing preprocessing) {
    List<Scaling> scalings = new ArrayList<>();
    preprocessing.numeric().forEach(column -> scalings.add(column.scaling()));
    preprocessing
        .dates()
        .forEach(date -> date.numeric().forEach(part -> scalings.add(part.scaling())));
    while (scalings.size() < preprocessing.schema().numeric().size()) {
      scalings.add(Scaling.NONE);
    }
    return scalings;
  }

  /** The names of the categorical features' codes, in the order of the features. */
  private static List<IntFunction<String>> categories(Preprocessing preprocessing) {
    List<IntFunction<String>> names = new ArrayList<>();
    preprocessing.categorical().forEach(column -> names.add(nameOf(column.categories())));
    preprocessing.codes().forEach(column -> names.add(Integer::toString));
    preprocessing
        .dates()
        .forEach(date -> date.categorical().forEach(part -> names.add(nameOf(part.categories()))));
    TextColumn text = preprocessing.text();
    if (text != null) {
      IntFunction<String> term = code -> code == 0 ? "" : text.terms().get(code - 1);
      text.codeFeatures().forEach(_ -> names.add(term));
    }
    while (names.size() < preprocessing.schema().categorical().size()) {
      names.add(missing -> missing == 0 ? "no" : "yes");
    }
    return names;
  }

  private static IntFunction<String> nameOf(Categories categories) {
    return code -> code == Categories.RESERVED_CODE ? OTHER : categories.known().get(code - 1);
  }
}
