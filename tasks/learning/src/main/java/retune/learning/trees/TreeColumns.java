package retune.learning.trees;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import retune.core.data.FeatureSchema;
import retune.core.data.FeatureSchema.Categorical;
import retune.core.preprocessing.CategoricalColumn;
import retune.core.preprocessing.Categories;
import retune.core.preprocessing.CodeColumn;
import retune.core.preprocessing.DateColumn;
import retune.core.preprocessing.MissingValues;
import retune.core.preprocessing.NumericColumn;
import retune.core.preprocessing.Preprocessing;
import retune.model.Architecture.Trees.Input;

/**
 * What trees ask for of the features that a preprocessing gives. A value that was filled in is
 * missing to them, and so is a category without a code of its own.
 */
final class TreeColumns {
  /** Greatest number of codes of a category; a feature of more is taken for a number. */
  private static final int MOST_CATEGORIES = 65_536;

  private TreeColumns() {}

  static List<Input> of(Preprocessing preprocessing) {
    List<Input> inputs = new ArrayList<>();
    for (CategoricalColumn column : preprocessing.categorical()) {
      inputs.add(
          new Input(
              column.name(), indicator(column.name(), column.missing()), Categories.RESERVED_CODE));
    }
    for (CodeColumn column : preprocessing.codes()) {
      inputs.add(
          new Input(
              column.name(), null, column.unknown() == CodeColumn.NONE ? null : column.unknown()));
    }
    for (NumericColumn column : preprocessing.numeric()) {
      inputs.add(new Input(column.name(), indicator(column.name(), column.missing()), null));
    }
    for (DateColumn column : preprocessing.dates()) {
      String missing = indicator(column.name(), column.missing());
      column
          .categorical()
          .forEach(
              part ->
                  inputs.add(
                      new Input(
                          part.part().feature(column.name()), missing, Categories.RESERVED_CODE)));
      column
          .numeric()
          .forEach(
              part -> inputs.add(new Input(part.part().feature(column.name()), missing, null)));
    }
    return List.copyOf(inputs);
  }

  private static @Nullable String indicator(String column, MissingValues missing) {
    return missing == MissingValues.INDICATE ? Preprocessing.missingFeature(column) : null;
  }

  /** XGBoost's name for each input's kind. */
  static String[] types(List<Input> inputs, FeatureSchema schema) {
    Set<String> categories = new HashSet<>();
    for (Categorical feature : schema.categorical()) {
      if (feature.cardinality() <= MOST_CATEGORIES) {
        categories.add(feature.name());
      }
    }
    return inputs.stream()
        .map(input -> categories.contains(input.feature()) ? "c" : "float")
        .toArray(String[]::new);
  }
}
