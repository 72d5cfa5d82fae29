package retune.core.metrics;

import java.util.Locale;

/** A metric that a gate may look at; greater is better, range 0 … 1. */
public enum Metric {
  /** Two classes: F1 of the positive class; more: as {@link #F1_MACRO}. */
  F1_SCORE("F1"),
  /** Unweighted mean over the classes that occur among labels or answers. */
  F1_MACRO("Macro F1"),
  /** Mean over classes, weighted by their number of labels. */
  F1_WEIGHTED("Weighted F1"),
  ACCURACY("Accuracy"),
  /** Two classes: of the positive class's probability; more: macro one-versus-rest. */
  ROC_AUC("ROC AUC"),
  /** Two classes: of the positive class; more: macro. */
  PRECISION("Precision"),
  /** Two classes: of the positive class; more: macro. */
  RECALL("Recall");

  private final String title;

  Metric(String title) {
    this.title = title;
  }

  /** The metric's value; NaN where it is not defined. */
  public double of(Predictions predictions) {
    return dependsOnAnswers()
        ? of(predictions.confusion(), predictions.positive())
        : ClassificationMetrics.rocAuc(predictions);
  }

  /**
   * The value of a metric that depends on the answers alone.
   *
   * @param positive index of the positive class where there are two classes; otherwise ignored
   */
  public double of(ConfusionMatrix confusion, int positive) {
    boolean binary = confusion.classes() == 2;
    return switch (this) {
      case F1_SCORE -> binary ? confusion.f1(positive) : confusion.macroF1();
      case F1_MACRO -> confusion.macroF1();
      case F1_WEIGHTED -> confusion.weightedF1();
      case ACCURACY -> confusion.accuracy();
      case PRECISION -> binary ? confusion.precision(positive) : confusion.macroPrecision();
      case RECALL -> binary ? confusion.recall(positive) : confusion.macroRecall();
      case ROC_AUC ->
          throw new IllegalArgumentException("the ROC AUC is not a function of the answers");
    };
  }

  /** Whether the answered classes are all that counts, and so the decision threshold matters. */
  public boolean dependsOnAnswers() {
    return this != ROC_AUC;
  }

  /** The name in documents and on the command line: {@code f1_score}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The metric of that {@link #id}. */
  public static Metric ofId(String id) {
    return valueOf(id.toUpperCase(Locale.ROOT));
  }

  /** The name in sentences: {@code F1}. */
  public String title() {
    return title;
  }
}
