package retune.steps.data;

import java.util.Iterator;
import retune.core.data.Table;
import retune.runtime.StepContext;

/** Reports progress while a day's rows are read. */
final class Reported {
  private Reported() {}

  /** Passes tables on and reports how many rows were read so far. */
  static Iterator<Table> rows(Iterator<Table> tables, long total, StepContext context) {
    return new Iterator<>() {
      private long done;

      @Override
      public boolean hasNext() {
        return tables.hasNext();
      }

      @Override
      public Table next() {
        Table table = tables.next();
        done += table.rows();
        context.progress("rows read", done, total);
        return table;
      }
    };
  }
}
