package retune.core.triggers;

import java.util.Locale;

/** What follows a drift report that alarms. Drift alone says nothing about a model's quality. */
public enum OnDrift {
  /** Judge the model again; do not train. */
  EVALUATE("evaluate the model on labelled rows; drift alone says nothing about its quality"),
  /** Ask for labels; do not train. */
  REQUEST_LABELS("bring labels for the drifted rows, so that the model can be judged on them"),
  /** Train a new version. */
  RETRAIN("retrain");

  private final String advice;

  OnDrift(String advice) {
    this.advice = advice;
  }

  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  String advice() {
    return advice;
  }
}
