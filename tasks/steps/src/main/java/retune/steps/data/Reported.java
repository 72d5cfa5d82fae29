package retune.steps.data;

import java.util.Iterator;
import retune.core.data.Table;
import retune.runtime.StepContext;

/** Tells how far the day's rows are while they are taken. */
final class Reported {
  private Reported() {}

  /** The same tables, telling how many rows were asked for so far. */
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
        context.progress("rows taken", done, total);
        return table;
      }
    };
  }
}
