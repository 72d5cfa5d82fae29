package retune.steps.retraining;

import java.time.Instant;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.bson.Document;
import retune.core.data.Hashing;
import retune.core.judgement.BelowGate;
import retune.core.judgement.Comparison;
import retune.core.judgement.Verdict;
import retune.core.metrics.Evaluation;
import retune.core.split.Part;
import retune.judgement.CheckDocument;
import retune.judgement.MeasuredVersion;
import retune.judgement.PolicyInputs;
import retune.model.ModelStore;
import retune.model.batch.Batch;
import retune.model.batch.DataSplit;
import retune.runtime.StepContext;
import retune.runtime.store.Provenance;

/**
 * A retrained version beside the version in production, on hold-out rows that neither was trained
 * on. The hold-out of a date judges in one retraining only. The collection {@code
 * retraining_judgements} keeps each under {@code MODEL/RETRAINING/CHAMPION} and only grows, so that
 * a champion that was replaced meanwhile gets a comparison of its own.
 *
 * @param kind the verdict; rejected where there is nothing to judge with
 * @param comparison the published numbers, {@code old_accuracy} and so on
 * @param reason as sentences, with the published one first
 */
record RetrainingJudgement(
    String modelId, String championId, Verdict.Kind kind, Document comparison, String reason) {
  private static final String COLLECTION = "retraining_judgements";
  private static final String DATASET = "retraining_test";
  private static final double TOLERANCE = 0.01;

  boolean passed() {
    return kind == Verdict.Kind.APPROVED;
  }

  /** The judgement of the candidate beside that champion; judges where there is none yet. */
  static RetrainingJudgement of(
      StepContext context,
      TrainingSet set,
      String splitId,
      String modelId,
      String championId,
      RetrainingRules rules) {
    String id = "%s/%s".formatted(set.dataPath(), championId);
    Optional<Document> kept = context.store().events().find(COLLECTION, id);
    if (kept.isEmpty()) {
      context
          .store()
          .events()
          .append(COLLECTION, id, judge(context, set, splitId, modelId, championId, rules));
      kept = context.store().events().find(COLLECTION, id);
    }
    return of(kept.orElseThrow());
  }

  /** The last judgement of a retraining; empty where nothing was judged. */
  static Optional<RetrainingJudgement> last(
      StepContext context, String model, String retrainingId) {
    return context
        .store()
        .events()
        .startingWith(COLLECTION, TrainingSet.dataPath(model, retrainingId) + "/")
        .stream()
        .max(Comparator.comparing(judged -> Instant.parse(judged.getString("timestamp"))))
        .map(RetrainingJudgement::of);
  }

  private static RetrainingJudgement of(Document document) {
    return new RetrainingJudgement(
        document.getString("model_id"),
        document.getString("champion_id"),
        Verdict.Kind.ofId(document.getString("status")),
        document.get("comparison", Document.class),
        document.getString("reason"));
  }

  private static Document judge(
      StepContext context,
      TrainingSet set,
      String splitId,
      String modelId,
      String championId,
      RetrainingRules rules) {
    Batch batch = Batch.load(context, set.dataPath());
    DataSplit split = DataSplit.find(context, batch, splitId);
    Set<LocalDate> used = judgedDates(context, set);
    int[] fresh = set.without(split.split().rows(Part.HOLDOUT), used);
    int[] rows =
        set.unseen(
            context, fresh, batch.rows().rowHashes(), trainedOn(context, modelId, championId));
    Document document =
        new Document("model", set.model())
            .append("retraining_id", set.retrainingId())
            .append("data_path", set.dataPath())
            .append("split_id", splitId)
            .append("model_id", modelId)
            .append("champion_id", championId)
            .append("rows", rows.length)
            .append(
                "dates",
                set.days().stream()
                    .map(TrainingSet.Day::date)
                    .filter(date -> !used.contains(date))
                    .map(LocalDate::toString)
                    .toList());
    document.putAll(Provenance.of(context));
    if (rows.length == 0) {
      return document
          .append("status", Verdict.Kind.REJECTED.id())
          .append("comparison", new Document())
          .append(
              "reason",
              "There is no row to compare on: the hold-out of each date has judged in an earlier"
                  + " retraining, or a version was trained on it. Retrain when new days have"
                  + " labels.");
    }
    String selection = splitId + "/" + Hashing.sha256(Arrays.toString(rows));
    MeasuredVersion candidate = MeasuredVersion.ofSome(context, modelId, batch, rows, selection);
    MeasuredVersion champion = MeasuredVersion.ofSome(context, championId, batch, rows, selection);
    Verdict verdict = verdict(context, rules, candidate, champion, batch);
    Document comparison = comparison(verdict, champion.evaluation(), candidate.evaluation());
    return document
        .append("status", verdict.kind().id())
        .append("metric", verdict.metric().id())
        .append("value", verdict.value())
        .append("threshold", verdict.threshold())
        .append("checks", verdict.checks().stream().map(CheckDocument::of).toList())
        .append("metrics", new Document(candidate.evaluation().toMap()))
        .append("champion_metrics", new Document(champion.evaluation().toMap()))
        .append("predictions", candidate.keep(context, DATASET))
        .append("champion_predictions", champion.keepPredictions(context))
        .append("comparison", comparison)
        .append("reason", comparison.getString("reason") + ". " + verdict.reason());
  }

  /** One candidate is judged, so a person is not asked: the daily loop asks about its own. */
  private static Verdict verdict(
      StepContext context,
      RetrainingRules rules,
      MeasuredVersion candidate,
      MeasuredVersion champion,
      Batch batch) {
    BelowGate belowGate = rules.belowGate() == BelowGate.ASK ? BelowGate.ALERT : rules.belowGate();
    return new Comparison(
            rules.gate(),
            rules.evidence(),
            Comparison.ALPHA,
            candidate.predictions(),
            champion.predictions())
        .with(PolicyInputs.of(context, rules.policy(), candidate, champion, batch))
        .judge(rules.policy(), List.of(), belowGate);
  }

  private static Set<String> trainedOn(StepContext context, String... modelIds) {
    ModelStore models = new ModelStore(context);
    Set<String> contents = new HashSet<>();
    for (String modelId : modelIds) {
      contents.addAll(models.trainedOn(models.get(modelId)));
    }
    return contents;
  }

  /** The dates whose hold-out has judged in another retraining. */
  private static Set<LocalDate> judgedDates(StepContext context, TrainingSet set) {
    Set<LocalDate> dates = new HashSet<>();
    for (Document judged : context.store().events().startingWith(COLLECTION, set.model() + "/")) {
      if (!judged.getString("retraining_id").equals(set.retrainingId())
          && judged.getInteger("rows") > 0) {
        judged.getList("dates", String.class).forEach(date -> dates.add(LocalDate.parse(date)));
      }
    }
    return dates;
  }

  private static Document comparison(Verdict verdict, Evaluation before, Evaluation after) {
    double accuracy = after.accuracy() - before.accuracy();
    double f1 = after.f1Macro() - before.f1Macro();
    return new Document("old_accuracy", before.accuracy())
        .append("new_accuracy", after.accuracy())
        .append("old_f1_macro", before.f1Macro())
        .append("new_f1_macro", after.f1Macro())
        .append("accuracy_improvement", accuracy)
        .append("f1_improvement", f1)
        .append("should_deploy", verdict.passed())
        .append("reason", published(accuracy, f1));
  }

  /** The published sentence about two differences, without a full stop. */
  static String published(double accuracy, double f1) {
    if (accuracy >= 0 && f1 >= 0 && accuracy + f1 > 0) {
      return differences("Performance improved", accuracy, f1);
    }
    return accuracy >= -TOLERANCE && f1 >= -TOLERANCE
        ? "Performance maintained within tolerance"
        : differences("Performance degraded", accuracy, f1);
  }

  private static String differences(String what, double accuracy, double f1) {
    return String.format(Locale.ROOT, "%s: accuracy %+.4f, F1 %+.4f", what, accuracy, f1);
  }
}
