package retune.judgement;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bson.Document;
import org.jspecify.annotations.Nullable;
import retune.core.data.Target;
import retune.core.judgement.ledger.EValues;
import retune.core.judgement.ledger.PairedAnswers;
import retune.core.metrics.ConfusionMatrix;
import retune.core.metrics.Metric;
import retune.core.metrics.Predictions;
import retune.core.statistics.Influence;
import retune.runtime.StepContext;
import retune.runtime.store.ProcessedBatches.ProcessedBatch;
import retune.runtime.store.Provenance;

/**
 * What a challenger and the champion answered to the same rows of a day, which neither was trained
 * on. The collection {@code challenger_days} keeps it under {@code
 * MODEL_ID/CONTENT_HASH/CHAMPION_ID}.
 *
 * @param modelId the challenger
 * @param labels rows of each class; empty where the challenger was not judged
 * @param answers null where the challenger was not judged
 * @param rocAucLead the challenger's ROC AUC less the champion's; NaN where it is not defined
 * @param rocAucLeadError its standard error
 * @param predictions the challenger's {@link KeptPredictions}; null if they are too many to keep
 * @param championPredictions the champion's on the same rows
 */
public record ChallengerDay(
    String modelId,
    long[] labels,
    @Nullable PairedAnswers answers,
    double rocAucLead,
    double rocAucLeadError,
    @Nullable String predictions,
    @Nullable String championPredictions) {
  private static final String COLLECTION = "challenger_days";
  private static final String LABELS = "labels";
  private static final String POSITIVE = "positive";
  private static final String CELLS = "cells";
  private static final String LEAD = "roc_auc_lead";
  private static final String LEAD_ERROR = "roc_auc_lead_error";
  private static final String PREDICTIONS = "predictions";
  private static final String CHAMPION_PREDICTIONS = "champion_predictions";

  /**
   * Requests that both scored and people labelled: indices of classes, one a request.
   *
   * @param championProbabilities of the positive class; empty where there are more than two classes
   * @param challengerProbabilities the same of the challenger
   */
  public record Pairs(
      int[] labels,
      int[] champion,
      int[] challenger,
      double[] championProbabilities,
      double[] challengerProbabilities) {}

  /** The day of a challenger that was not judged. */
  static ChallengerDay unjudged(String modelId) {
    return new ChallengerDay(modelId, new long[0], null, Double.NaN, Double.NaN, null, null);
  }

  /**
   * What both answered to requests in production.
   *
   * @param target classes of both
   * @param pairs at least one
   */
  public static ChallengerDay ofRequests(String modelId, Target target, Pairs pairs) {
    PairedAnswers answers =
        PairedAnswers.of(
            pairs.labels,
            pairs.champion,
            pairs.challenger,
            target.classes().size(),
            target.positiveIndex());
    long[] labels = answers.labels();
    if (!target.isBinary()) {
      return new ChallengerDay(modelId, labels, answers, Double.NaN, Double.NaN, null, null);
    }
    // One after the other: each takes several arrays of a number a request.
    Ranking first = Ranking.of(target, pairs.labels, pairs.championProbabilities);
    Ranking second = Ranking.of(target, pairs.labels, pairs.challengerProbabilities);
    return new ChallengerDay(
        modelId,
        labels,
        answers,
        second.rocAuc - first.rocAuc,
        second.influence.minus(first.influence).standardError(),
        null,
        null);
  }

  /** How a version's probabilities rank requests. */
  private record Ranking(double rocAuc, Influence influence) {
    static Ranking of(Target target, int[] labels, double[] ofPositive) {
      double[] probabilities = new double[2 * ofPositive.length];
      for (int row = 0; row < ofPositive.length; row++) {
        probabilities[2 * row + target.positiveIndex()] = ofPositive[row];
        probabilities[2 * row + 1 - target.positiveIndex()] = 1 - ofPositive[row];
      }
      Predictions predictions =
          new Predictions(labels, probabilities, 2, target.positiveIndex(), 0.5);
      return new Ranking(Metric.ROC_AUC.of(predictions), Influence.of(Metric.ROC_AUC, predictions));
    }
  }

  /** Compares the two on the rows on which both were measured, and keeps what was found. */
  static void keep(StepContext context, MeasuredVersion challenger, MeasuredVersion champion) {
    ProcessedBatch batch = champion.batch();
    MeasuredVersion first = champion.on(challenger.rows());
    MeasuredVersion second = challenger.on(champion.rows());
    Influence lead =
        Influence.of(Metric.ROC_AUC, second.predictions())
            .minus(Influence.of(Metric.ROC_AUC, first.predictions()));
    ConfusionMatrix confusion = second.evaluation().confusion();
    ChallengerDay day =
        new ChallengerDay(
            second.version().modelId(),
            IntStream.range(0, confusion.classes()).mapToLong(confusion::trueRows).toArray(),
            PairedAnswers.of(first.predictions(), second.predictions()),
            second.evaluation().rocAuc() - first.evaluation().rocAuc(),
            lead.standardError(),
            second.keepPredictions(context),
            first.keepPredictions(context));
    String championId = first.version().modelId();
    Document document =
        day.toDocument()
            .append("champion_id", championId)
            .append("model", batch.model())
            .append("logical_date", batch.logicalDate().toString())
            .append("data_path", batch.batchId())
            .append("content_hash", batch.contentHash());
    document.putAll(Provenance.of(context));
    context.store().events().record(COLLECTION, id(day.modelId, batch, championId), document);
  }

  /** The day as it was kept; one that is not judged where it was not. */
  static ChallengerDay find(
      StepContext context, ProcessedBatch batch, String modelId, String championId) {
    return context
        .store()
        .events()
        .find(COLLECTION, id(modelId, batch, championId))
        .map(ChallengerDay::of)
        .orElseGet(() -> unjudged(modelId));
  }

  private static String id(String modelId, ProcessedBatch batch, String championId) {
    return "%s/%s/%s".formatted(modelId, batch.contentHash(), championId);
  }

  /** Number of rows that both answered. */
  long rows() {
    return Arrays.stream(labels).sum();
  }

  /** The day's evidence that the challenger is better by this metric. */
  EValues superiority(Metric metric) {
    if (metric == Metric.ROC_AUC) {
      return ofRocAuc(-rocAucLead);
    }
    return answers == null ? EValues.none() : answers.superiority(metric);
  }

  /** The day's evidence that the challenger is worse by this metric. */
  EValues inferiority(Metric metric) {
    if (metric == Metric.ROC_AUC) {
      return ofRocAuc(rocAucLead);
    }
    return answers == null ? EValues.none() : answers.swapped().superiority(metric);
  }

  private EValues ofRocAuc(double difference) {
    return Double.isNaN(difference) || Double.isNaN(rocAucLeadError)
        ? EValues.none()
        : EValues.ofRocAuc(difference, rocAucLeadError, 0, labels);
  }

  /** As {@code challenger_days} keeps it, from which any metric's evidence follows. */
  Document toDocument() {
    Document document = summary();
    if (answers != null) {
      document.append(CELLS, cells(answers));
    }
    return document;
  }

  /**
   * As a ledger's entry has it: what the evidence by this metric follows from. Where that is by
   * accuracy, these are four numbers, however many classes there are.
   */
  Document toDocument(Metric metric) {
    return answers != null && EValues.isByAccuracy(metric, answers)
        ? summary().append("pairs", pairs(answers))
        : toDocument();
  }

  private Document summary() {
    Document document =
        new Document("model_id", modelId)
            .append("rows", rows())
            .append(LABELS, Arrays.stream(labels).boxed().toList())
            .append(PREDICTIONS, predictions)
            .append(CHAMPION_PREDICTIONS, championPredictions);
    if (answers != null) {
      document.append(POSITIVE, answers.positive());
    }
    if (!Double.isNaN(rocAucLead)) {
      document.append(LEAD, rocAucLead).append(LEAD_ERROR, rocAucLeadError);
    }
    return document;
  }

  static ChallengerDay of(Document document) {
    long[] labels =
        document.getList(LABELS, Long.class).stream().mapToLong(Long::longValue).toArray();
    return new ChallengerDay(
        document.getString("model_id"),
        labels,
        document.containsKey(CELLS) ? answers(document, labels.length) : null,
        document.get(LEAD, Double.NaN),
        document.get(LEAD_ERROR, Double.NaN),
        document.getString(PREDICTIONS),
        document.getString(CHAMPION_PREDICTIONS));
  }

  /** True class, champion's answer, challenger's answer and rows of each cell. */
  private static List<List<Long>> cells(PairedAnswers answers) {
    return answers.cells().stream()
        .map(
            cell ->
                List.of(
                    (long) cell.label(),
                    (long) cell.champion(),
                    (long) cell.challenger(),
                    cell.rows()))
        .toList();
  }

  /** Rows that both answer rightly, the champion alone, the challenger alone, and neither. */
  private static List<Long> pairs(PairedAnswers answers) {
    return List.of(
        answers.bothRight(),
        answers.championAlone(),
        answers.challengerAlone(),
        answers.bothWrong());
  }

  private static PairedAnswers answers(Document document, int classes) {
    List<PairedAnswers.Cell> cells = new ArrayList<>();
    for (List<?> cell : document.getList(CELLS, List.class)) {
      int[] numbers = cell.stream().mapToInt(number -> ((Number) number).intValue()).toArray();
      cells.add(new PairedAnswers.Cell(numbers[0], numbers[1], numbers[2], numbers[3]));
    }
    return new PairedAnswers(cells, classes, document.getInteger(POSITIVE));
  }
}
