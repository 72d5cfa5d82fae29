package retune.control.dashboard;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.InvalidInputException;
import retune.judgement.AuditTrail;
import retune.model.Champions;
import retune.model.Champions.Champion;
import retune.model.ModelStore;
import retune.model.ModelVersion.Epoch;
import retune.runtime.StepContext;

/**
 * What a version's page says.
 *
 * @param version its document, without the model itself
 * @param champion of its model; null for none
 * @param lineage what it was made from, the nearest first
 * @param splits of the data that it was trained on
 * @param verdicts on it, the newest first
 * @param retrainings judgements by the retraining that made it, the newest first
 * @param reports ids of verdicts that have a report
 * @param history of its training, one entry for each epoch or round
 * @param damage why its record cannot be read, as a sentence; null where it can
 */
record VersionFacts(
    Document version,
    @Nullable Champion champion,
    List<Document> lineage,
    List<Document> splits,
    List<Document> verdicts,
    List<Document> retrainings,
    Set<String> reports,
    List<Epoch> history,
    @Nullable String damage) {
  private static final Comparator<Document> BY_TIME =
      Comparator.comparing(judged -> judged.getString("timestamp"));

  /** What the store knows; empty if the model has no such version. */
  static Optional<VersionFacts> read(StepContext context, String model, String modelId) {
    Reading reading = new Reading(context.store());
    return reading
        .version(modelId)
        .filter(version -> model.equals(version.getString("model_name")))
        .map(version -> of(context, reading, version));
  }

  private static VersionFacts of(StepContext context, Reading reading, Document version) {
    String modelId = version.getString("_id");
    String model = version.getString("model_name");
    var verdicts = AtOnce.read(() -> reading.verdictsOn(model, modelId));
    var retrainings = AtOnce.read(() -> reading.judgementsOn(model, modelId));
    var lineage = AtOnce.read(() -> reading.lineage(version));
    String trainedOn = version.getString("trained_on");
    var splits =
        AtOnce.read(
            () ->
                trainedOn == null
                    ? List.<Document>of()
                    : new AuditTrail(context.store()).splits(trainedOn));
    List<Epoch> history = List.of();
    String damage = null;
    try {
      history = new ModelStore(context).get(modelId).lineage().history();
    } catch (InvalidInputException damaged) {
      damage = damaged.getMessage();
    }
    return new VersionFacts(
        version,
        new Champions(context.store()).find(model).orElse(null),
        lineage.get(),
        splits.get(),
        verdicts.get(),
        retrainings.get(),
        Set.copyOf(
            reading.comparisons(
                Stream.concat(verdicts.get().stream(), retrainings.get().stream())
                    .map(judged -> judged.getString("_id"))
                    .toList())),
        history,
        damage);
  }

  String modelId() {
    return version.getString("_id");
  }

  String model() {
    return version.getString("model_name");
  }

  boolean isInProduction() {
    return champion != null && champion.modelId().equals(modelId());
  }

  /** Whether it was in production before and is not now. */
  boolean mayComeBack() {
    return !isInProduction() && "retired".equals(version.getString("status"));
  }

  /** The last verdict on it as a candidate for the place of another version. */
  Optional<Document> asCandidate() {
    return candidacies().max(BY_TIME);
  }

  /** The last verdict that approved it for the place of another version. */
  Optional<Document> lastApproval() {
    return candidacies()
        .filter(judged -> "approved".equals(judged.getString("status")))
        .max(BY_TIME);
  }

  private Stream<Document> candidacies() {
    return Stream.concat(
        verdicts.stream().filter(verdict -> !modelId().equals(verdict.getString("champion_id"))),
        retrainings.stream());
  }
}
