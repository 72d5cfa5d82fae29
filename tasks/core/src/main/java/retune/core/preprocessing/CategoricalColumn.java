package retune.core.preprocessing;

/**
 * A column of categories, encoded as one categorical feature.
 *
 * @param fill replaces a missing value: the most frequent category in training
 * @param reason why the column is categorical, for people
 */
public record CategoricalColumn(
    String name, Categories categories, String fill, MissingValues missing, String reason) {}
