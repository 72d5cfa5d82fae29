package retune.steps.data;

import java.util.Iterator;
import java.util.Optional;
import java.util.stream.IntStream;
import retune.core.data.Column;
import retune.core.data.Table;

/** Passes tables on and counts their rows without a label; without the label's column, all rows. */
final class LabelCount implements Iterator<Table> {
  private final Iterator<Table> tables;
  private final String labelColumn;
  private int unlabelled;

  LabelCount(Iterator<Table> tables, String labelColumn) {
    this.tables = tables;
    this.labelColumn = labelColumn;
  }

  @Override
  public boolean hasNext() {
    return tables.hasNext();
  }

  @Override
  public Table next() {
    Table table = tables.next();
    Optional<Column> labels = table.find(labelColumn);
    unlabelled +=
        (int)
            IntStream.range(0, table.rows())
                .filter(row -> labels.isEmpty() || labels.get().isMissing(row))
                .count();
    return table;
  }

  /** Number of rows without a label among those read so far. */
  int unlabelled() {
    return unlabelled;
  }
}
