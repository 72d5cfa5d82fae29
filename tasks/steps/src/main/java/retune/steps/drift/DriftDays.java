package retune.steps.drift;

import com.mongodb.client.model.Filters;
import com.mongodb.client.model.Projections;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.bson.Document;
import retune.core.drift.DriftReport;
import retune.core.drift.DriftReport.Column;
import retune.model.ModelVersion;
import retune.report.DriftPage;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.Provenance;
import retune.runtime.store.RawBatches;

/**
 * The days before a batch: how much they drifted, and how many rows they had.
 *
 * @param psi by date and feature
 * @param volume rows of the batch, their median over earlier days and the number of these
 */
record DriftDays(Map<String, DriftPage.Day> psi, Map<String, Object> volume) {
  private static final int DAYS = 14;
  private static final String TREND = "trend";
  private static final String DATE = "logical_date";
  private static final String FEATURE = "feature";
  private static final String PSI = "psi";

  static DriftDays before(StepContext context, ProcessedBatch batch) {
    return new DriftDays(psi(context, batch), volume(context, batch));
  }

  /** Of each date the last report. */
  private static Map<String, DriftPage.Day> psi(StepContext context, ProcessedBatch batch) {
    String from = RawBatches.batchId(batch.model(), batch.logicalDate().minusDays(DAYS));
    Map<String, Document> latest = new TreeMap<>();
    context
        .store()
        .collection(DetectDrift.COLLECTION)
        .find(Filters.and(Filters.gte("_id", from), Filters.lt("_id", batch.batchId())))
        .projection(Projections.include(DATE, "timestamp", TREND, LastDriftReport.DETECTED))
        .forEach(
            report ->
                latest.merge(
                    report.getString(DATE),
                    report,
                    (one, other) ->
                        other.getString("timestamp").compareTo(one.getString("timestamp")) > 0
                            ? other
                            : one));
    Map<String, DriftPage.Day> days = new TreeMap<>();
    latest.forEach(
        (date, report) -> {
          Map<String, Double> byFeature = new LinkedHashMap<>();
          report
              .getList(TREND, Document.class)
              .forEach(column -> byFeature.put(column.getString(FEATURE), column.getDouble(PSI)));
          days.put(date, new DriftPage.Day(report.getBoolean(LastDriftReport.DETECTED), byFeature));
        });
    return days;
  }

  private static Map<String, Object> volume(StepContext context, ProcessedBatch batch) {
    List<Integer> rows =
        IntStream.rangeClosed(1, DAYS)
            .mapToObj(back -> batch.logicalDate().minusDays(back))
            .map(date -> RawBatches.batchId(batch.model(), date))
            .map(context.store().processedBatches()::find)
            .flatMap(Optional::stream)
            .map(ProcessedBatch::rowsIn)
            .sorted()
            .toList();
    Map<String, Object> volume = new LinkedHashMap<>();
    volume.put("rows", batch.rowsIn());
    volume.put("median_of_earlier_days", rows.isEmpty() ? null : rows.get(rows.size() / 2));
    volume.put("earlier_days", rows.size());
    return volume;
  }

  /** Keeps the report of a run, and replaces what an earlier try of the task kept. */
  String keep(
      StepContext context,
      ProcessedBatch batch,
      ModelVersion version,
      DriftReport report,
      Map<String, Object> document,
      String html) {
    String id = "%s/%s/%s".formatted(batch.batchId(), context.run().runId(), version.modelId());
    List<Document> trend = new ArrayList<>();
    for (Column column : report.features()) {
      trend.add(new Document(FEATURE, column.name()).append(PSI, column.psi().value()));
    }
    Document stored =
        new Document("model", batch.model())
            .append("model_id", version.modelId())
            .append("data_path", batch.batchId())
            .append(DATE, batch.logicalDate().toString())
            .append("content_hash", batch.contentHash());
    stored.putAll(DriftDocument.forStore(document));
    stored.append(TREND, trend).append("html", html);
    stored.putAll(Provenance.of(context));
    context.store().events().record(DetectDrift.COLLECTION, id, stored);
    return id;
  }
}
