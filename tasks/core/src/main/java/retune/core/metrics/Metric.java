package retune.core.metrics;

import java.util.Locale;

/** A metric that a gate may look at; greater is better, range 0 … 1. */
public enum Metric {
  /** Two classes: of the positive class; more: as {@link #F1_MACRO}. */
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
