package retune.core.distribution;

import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.IntStream;
import retune.core.InvalidInputException;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.core.data.Target;

/**
 * Texts with labels that the first training of a loop did not see. The days of a loop of texts are
 * drawn from them, as no distribution of texts is learned. Days repeat texts, and fine-tuning on a
 * day trains on its texts.
 *
 * @param format always {@link #FORMAT}
 * @param column the name of the column of texts
 * @param texts at least one
 * @param labels one per text, each a class of the target
 * @param sourceHash SHA-256 of the source of the texts
 */
public record HeldBackTexts(
    String format,
    String column,
    Target target,
    List<String> texts,
    List<String> labels,
    String sourceHash) {
  public static final String FORMAT = "retune.texts/1";

  public HeldBackTexts {
    texts = List.copyOf(texts);
    labels = List.copyOf(labels);
    Set<String> others = new HashSet<>(labels);
    target.classes().forEach(others::remove);
    if (!format.equals(FORMAT)
        || texts.isEmpty()
        || texts.size() != labels.size()
        || !others.isEmpty()) {
      throw new InvalidInputException(
          "The held-back texts of '%s' are not as new_loop writes them (format '%s', %d texts, %d labels, unknown labels %s); make the loop again with new_loop."
              .formatted(column, format, texts.size(), labels.size(), others));
    }
  }

  /** The rows of a table, each of which has a text and a label. */
  public static HeldBackTexts of(Table rows, String column, Target target, String sourceHash) {
    return new HeldBackTexts(
        FORMAT,
        column,
        target,
        values(rows.column(column)),
        values(rows.column(target.column())),
        sourceHash);
  }

  public int rows() {
    return texts.size();
  }

  private static List<String> values(Column column) {
    return IntStream.range(0, column.rows())
        .mapToObj(row -> Objects.requireNonNull(column.text(row)))
        .toList();
  }
}
