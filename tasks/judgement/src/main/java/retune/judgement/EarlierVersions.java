package retune.judgement;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bson.Document;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;

/**
 * What a run found when it judged the versions that were approved earlier. The collection {@code
 * look_backs} keeps one document per run and key, written after the verdicts that it names.
 *
 * @param judged the verdicts, in the order of judging
 * @param skipped why versions were not judged, and how many
 * @param reason what was found, in a sentence
 */
public record EarlierVersions(List<Judgement> judged, Map<String, Integer> skipped, String reason) {
  private static final RunDocuments DOCUMENTS = new RunDocuments("look_backs");

  /** The version with the greatest value of the gate's metric among those judged. */
  public static Optional<Judgement> best(List<Judgement> judged) {
    return judged.stream()
        .reduce((best, next) -> next.verdict().value() > best.verdict().value() ? next : best);
  }

  /**
   * The version that follows the champion without training: the best of those that passed. Where
   * the champion has failed, it must reach the gate; otherwise attempts are made first, because one
   * of them may.
   *
   * @param failed whether the champion has failed
   */
  public static Optional<Judgement> chosen(List<Judgement> judged, boolean failed) {
    return best(
        judged.stream()
            .filter(version -> version.passed() && (version.reachesGate() || !failed))
            .toList());
  }

  /** The version that follows a champion that has failed if no attempt passes. */
  public static Optional<Judgement> fallback(List<Judgement> judged) {
    return best(
        judged.stream().filter(version -> version.passed() && !version.reachesGate()).toList());
  }

  /**
   * Keeps the verdicts and what was found.
   *
   * @param chosen the version that follows without training
   */
  public void keep(
      StepContext context, ProcessedBatch batch, DayKey key, Optional<Judgement> chosen) {
    judged.forEach(judgement -> judgement.keep(context, batch));
    DOCUMENTS.keep(
        context,
        batch,
        key,
        new Document("judged", judged.stream().map(Judgement::modelId).toList())
            .append("skipped", new Document(new LinkedHashMap<>(skipped)))
            .append("chosen", chosen.map(Judgement::modelId).orElse(null))
            .append("reason", reason));
  }

  /** What this run found for the key; empty where it has not looked back. */
  static Optional<EarlierVersions> find(StepContext context, String batchId, DayKey key) {
    return DOCUMENTS
        .find(context, batchId, key)
        .map(
            document -> {
              Map<String, Integer> skipped = new LinkedHashMap<>();
              document
                  .get("skipped", Document.class)
                  .forEach((why, count) -> skipped.put(why, (Integer) count));
              return new EarlierVersions(
                  document.getList("judged", String.class).stream()
                      .map(modelId -> Judgement.ofEarlier(context, batchId, key, modelId))
                      .toList(),
                  skipped,
                  document.getString("reason"));
            });
  }
}
