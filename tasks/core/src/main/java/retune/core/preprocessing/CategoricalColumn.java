package retune.core.preprocessing;

/**
 * A column of categories; gives one categorical feature.
 *
 * @param fill what stands in for a missing value: the most frequent category in training
 * @param reason why the column is taken as categorical, for people
 */
public record CategoricalColumn(
    String name, Categories categories, String fill, MissingValues missing, String reason) {}
