package retune.judgement;

import java.util.Optional;
import org.bson.Document;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.Provenance;

/** A collection with one document for each batch, run and {@link DayKey}. */
record RunDocuments(String collection) {
  /** Keeps what this run found, and replaces what an earlier try of the task kept. */
  void keep(StepContext context, ProcessedBatch batch, DayKey key, Document found) {
    Document document =
        new Document("model", batch.model())
            .append("data_path", batch.batchId())
            .append("logical_date", batch.logicalDate().toString());
    document.putAll(found);
    document.putAll(Provenance.of(context));
    context.store().events().record(collection, id(context, batch.batchId(), key), document);
  }

  /** What this run found for the key. */
  Optional<Document> find(StepContext context, String batchId, DayKey key) {
    return context.store().events().find(collection, id(context, batchId, key));
  }

  private static String id(StepContext context, String batchId, DayKey key) {
    return "%s/%s/%s".formatted(batchId, context.run().runId(), key.id());
  }
}
