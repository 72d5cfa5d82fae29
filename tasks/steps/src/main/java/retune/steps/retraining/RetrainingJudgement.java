package retune.steps.retraining;

import java.time.Instant;
import java.time.LocalDate;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bson.Document;
import retune.core.data.Hashing;
import retune.core.judgement.Comparison;
import retune.core.judgement.PublishedComparison;
import retune.core.judgement.Rules;
import retune.core.judgement.Verdict;
import retune.core.metrics.Evaluation;
import retune.core.split.Part;
import retune.core.triggers.Trigger;
import retune.judgement.CheckDocument;
import retune.judgement.Judgement;
import retune.judgement.MeasuredVersion;
import retune.judgement.OrdinaryRows;
import retune.judgement.RulesDocument;
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
 * @param rules what was asked, so that another champion is compared by the same
 * @param kind the verdict; rejected where there is nothing to judge with
 * @param comparison the published numbers, {@code old_accuracy} and so on
 * @param reason as sentences, with the published one first
 */
record RetrainingJudgement(
    String modelId,
    String championId,
    String splitId,
    Rules rules,
    Verdict.Kind kind,
    Document comparison,
    String reason) {
  private static final String COLLECTION = Judgement.RETRAININGS;
  private static final String DATASET = "retraining_test";
  private static final String RULES = "rules";

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
      Rules rules) {
    String id = id(set, championId);
    Optional<Document> kept = context.store().events().find(COLLECTION, id);
    if (kept.isEmpty()) {
      context
          .store()
          .events()
          .append(COLLECTION, id, judge(context, set, splitId, modelId, championId, rules, id));
      kept = context.store().events().find(COLLECTION, id);
    }
    return of(kept.orElseThrow());
  }

  /** The id of its document and of its page. */
  String id(TrainingSet set) {
    return id(set, championId);
  }

  private static String id(TrainingSet set, String championId) {
    return RetrainingReport.id(set.model(), set.retrainingId(), championId);
  }

  /** The judgement beside another version that went into production since, by the same rules. */
  RetrainingJudgement beside(StepContext context, TrainingSet set, String otherId) {
    return otherId.equals(championId) ? this : of(context, set, splitId, modelId, otherId, rules);
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
        document.getString("split_id"),
        RulesDocument.rules(document.get(RULES, Document.class)),
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
      Rules rules,
      String id) {
    Batch batch = Batch.load(context, set.dataPath());
    DataSplit split = DataSplit.find(context, batch, splitId);
    Set<LocalDate> used = judgedDates(context, set);
    int[] fresh = set.without(split.split().rows(Part.HOLDOUT), used);
    Judgement.Asked asked = asked(context, set, rules);
    OrdinaryRows ordinary = OrdinaryRows.before(context, batch.description(), championId);
    int[] rows =
        set.unseen(
            context,
            fresh,
            batch.rows().rowHashes(),
            trainedOn(context, ordinary.judging(modelId, asked)));
    Document document =
        new Document("model", set.model())
            .append("retraining_id", set.retrainingId())
            .append("data_path", set.dataPath())
            .append("split_id", splitId)
            .append("model_id", modelId)
            .append("champion_id", championId)
            .append(RULES, RulesDocument.of(rules))
            .append("may_lose", asked.mayLose())
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
      document
          .append("status", Verdict.Kind.REJECTED.id())
          .append("comparison", new Document())
          .append(
              "reason",
              "There is no row to compare on: the hold-out of each date has judged in an earlier"
                  + " retraining, or a version was trained on it. Retrain when new days have"
                  + " labels.");
      RetrainingReport.keep(context, set, id, document, List.of());
      return document;
    }
    String selection = splitId + "/" + Hashing.sha256(Arrays.toString(rows));
    MeasuredVersion candidate = MeasuredVersion.ofSome(context, modelId, batch, rows, selection);
    MeasuredVersion champion = MeasuredVersion.ofSome(context, championId, batch, rows, selection);
    Judgement.Judged judged =
        Judgement.judge(
            context,
            candidate,
            champion,
            batch,
            DATASET,
            ordinary,
            other -> MeasuredVersion.ofSome(context, other, batch, rows, selection),
            asked,
            PublishedComparison.checks(
                rules.gate(), candidate.predictions(), champion.predictions()));
    Verdict verdict = judged.verdict();
    Document comparison = comparison(verdict, champion.evaluation(), candidate.evaluation());
    document.putAll(judged.predictions().toDocument());
    document
        .append("status", verdict.kind().id())
        .append("metric", verdict.metric().id())
        .append("value", verdict.value())
        .append("threshold", verdict.threshold())
        .append("checks", verdict.checks().stream().map(CheckDocument::of).toList())
        .append("metrics", new Document(candidate.evaluation().toMap()))
        .append("champion_metrics", new Document(champion.evaluation().toMap()))
        .append("comparison", comparison)
        .append("reason", comparison.getString("reason") + ". " + verdict.reason());
    RetrainingReport.keep(
        context,
        set,
        id,
        document,
        RetrainingReport.differences(
            rules.gate().metric(), champion.predictions(), candidate.predictions()));
    return document;
  }

  /**
   * What is asked: where nothing is to be mended, the version may be as good, within the tolerance.
   */
  private static Judgement.Asked asked(StepContext context, TrainingSet set, Rules rules) {
    Document started = RetrainingEvents.started(context.store(), set.model(), set.retrainingId());
    return new Judgement.Asked(
        rules,
        Comparison.ALPHA,
        rules.belowGate(),
        Trigger.mends(started.getString("trigger")) ? 0 : PublishedComparison.TOLERANCE);
  }

  private static Set<String> trainedOn(StepContext context, Set<String> modelIds) {
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
        .append("reason", PublishedComparison.words(accuracy, f1));
  }
}
