package retune.steps.data;

import java.util.Iterator;
import java.util.Optional;
import java.util.stream.IntStream;
import retune.core.data.Column;
import retune.core.data.Table;
import retune.model.ModelVersion;

/**
 * Passes tables on and counts their rows without a label that a person gave; without the label's
 * column, all rows.
 */
final class LabelCount implements Iterator<Table> {
  private final Iterator<Table> tables;
  private final ModelVersion version;
  private int unlabelled;

  LabelCount(Iterator<Table> tables, ModelVersion version) {
    this.tables = tables;
    this.version = version;
  }

  @Override
  public boolean hasNext() {
    return tables.hasNext();
  }

  @Override
  public Table next() {
    Table table = tables.next();
    Optional<Column> labels = table.find(version.target().column());
    Optional<LabelSource> source = LabelSource.of(table, version.preprocessing());
    unlabelled +=
        (int)
            IntStream.range(0, table.rows())
                .filter(
                    row ->
                        labels.isEmpty()
                            || labels.get().isMissing(row)
                            || (source.isPresent() && source.get().isModel(row)))
                .count();
    return table;
  }

  /** Number of rows without a label among those read so far. */
  int unlabelled() {
    return unlabelled;
  }
}
