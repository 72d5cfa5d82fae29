package retune.runtime.csv;

import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;
import org.apache.commons.csv.CSVRecord;
import retune.core.data.Table;

/** An open table, read in chunks. */
public final class CsvChunks implements Iterator<Table>, AutoCloseable {
  private final CsvFile file;
  private final CsvSurvey survey;
  private final int mostRows;

  CsvChunks(CsvFile file, CsvSurvey survey, int mostRows) {
    this.file = file;
    this.survey = survey;
    this.mostRows = mostRows;
  }

  @Override
  public boolean hasNext() {
    return file.hasNext();
  }

  @Override
  public Table next() {
    if (!hasNext()) {
      throw new NoSuchElementException();
    }
    List<ColumnBuilder> columns = survey.surveyed().stream().map(ColumnBuilder::of).toList();
    for (int rows = 0; rows < mostRows && file.hasNext(); rows++) {
      CSVRecord fields = file.next();
      for (int column = 0; column < columns.size(); column++) {
        columns.get(column).add(fields.get(column), file);
      }
    }
    return new Table(columns.stream().map(ColumnBuilder::build).toList());
  }

  @Override
  public void close() {
    file.close();
  }
}
