package retune.core.split;

import java.util.Locale;

/** Where a row goes. */
public enum Part {
  /** Left out: the row has no label. */
  EXCLUDED(0),
  /** Fits weights. */
  TRAINING(1),
  /** Chooses the epoch, the threshold and the attempt. */
  VALIDATION(2),
  /** Judges, and is never seen before. */
  HOLDOUT(3),
  /** Left out of training and validation by the {@link QualityFilter}. */
  REJECTED(4);

  private final byte code;

  Part(int code) {
    this.code = (byte) code;
  }

  /** The name in documents: {@code holdout}. */
  public String id() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The stored form, one byte a row. */
  public byte code() {
    return code;
  }
}
