package retune.core.data;

import java.util.List;
import java.util.stream.Stream;

/** A model's inputs, in its order: categorical features as codes, then numeric features. */
public record FeatureSchema(List<Categorical> categorical, List<String> numeric) {
  /** A feature of codes 0 … cardinality − 1. */
  public record Categorical(String name, int cardinality) {}

  public FeatureSchema {
    categorical = List.copyOf(categorical);
    numeric = List.copyOf(numeric);
  }

  /** The names of all features, in order. */
  public List<String> names() {
    return Stream.concat(categorical.stream().map(Categorical::name), numeric.stream()).toList();
  }

  /** Number of features: one token each in a transformer. */
  public int size() {
    return categorical.size() + numeric.size();
  }
}
