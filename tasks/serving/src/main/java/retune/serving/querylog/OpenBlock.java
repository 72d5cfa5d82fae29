package retune.serving.querylog;

import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import retune.core.data.Column;
import retune.core.data.Target;
import retune.runtime.store.QueryBlock;
import retune.serving.prediction.Prediction;

/** A block of the query log that still takes rows: of one model, one date and the same columns. */
final class OpenBlock {
  /** So that a document stays far below MongoDB's 16 MB; one request alone may be larger. */
  private static final long MOST_BYTES = 4L << 20;

  private final long since = System.nanoTime();
  private final String id;
  private final String model;
  private final LocalDate date;
  private final List<String> read;
  private final List<QueryBlock.Row> rows = new ArrayList<>();
  private final Map<String, List<@Nullable Object>> columns = new LinkedHashMap<>();
  private final Set<String> hashed = new TreeSet<>();
  private long bytes;

  /** A block that begins with a request, which is still to be added. */
  OpenBlock(String id, AnsweredRequest first) {
    this.id = id;
    this.model = first.version().modelName();
    this.date = date(first);
    this.read = first.rows().names();
  }

  /** The date of a request, UTC. */
  static LocalDate date(AnsweredRequest request) {
    return LocalDate.ofInstant(request.receivedAt(), ZoneOffset.UTC);
  }

  /** Whether the block has room for a request of this kind. */
  boolean takes(AnsweredRequest request, long itsBytes) {
    return rows.size() + request.predictions().size() <= QueryBlock.MOST_ROWS
        && bytes + itsBytes <= MOST_BYTES
        && model.equals(request.version().modelName())
        && date.equals(date(request))
        && isRead(request.rows().columns());
  }

  /** Called for each request, so it makes no list of names. */
  private boolean isRead(List<Column> columns) {
    boolean same = columns.size() == read.size();
    for (int column = 0; same && column < read.size(); column++) {
      same = columns.get(column).name().equals(read.get(column));
    }
    return same;
  }

  void add(AnsweredRequest request, long itsBytes, LogColumns kept) {
    bytes += itsBytes;
    kept.append(request.rows(), columns);
    hashed.addAll(kept.hashed());
    hashed.retainAll(columns.keySet());
    String version = request.version().modelId();
    AnsweredRequest.ChallengerAnswer challenger = request.challenger();
    for (int row = 0; row < request.predictions().size(); row++) {
      Prediction prediction = request.predictions().get(row);
      rows.add(
          new QueryBlock.Row(
              request.id(),
              row,
              request.receivedAt(),
              version,
              prediction.answeredClass(),
              prediction.confidence(),
              ofPositive(prediction),
              request.latencyMicros(),
              challenger == null ? null : challenged(challenger, row)));
    }
  }

  private static QueryBlock.Challenger challenged(
      AnsweredRequest.ChallengerAnswer challenger, int row) {
    Prediction prediction = challenger.predictions().get(row);
    return new QueryBlock.Challenger(
        challenger.modelId(),
        challenger.mode(),
        prediction.answeredClass(),
        prediction.confidence(),
        ofPositive(prediction));
  }

  private static @Nullable Double ofPositive(Prediction prediction) {
    Target target = prediction.target();
    return target.isBinary() ? prediction.probabilities()[target.positiveIndex()] : null;
  }

  int rows() {
    return rows.size();
  }

  boolean isOlderThan(long nanoseconds) {
    return System.nanoTime() - since > nanoseconds;
  }

  QueryBlock done() {
    return new QueryBlock(id, model, date, rows, columns, hashed);
  }
}
