package retune.core.preprocessing;

/** What a column of training rows is taken as. */
public enum ColumnType {
  CATEGORICAL,
  NUMERIC,
  DATE,
  /** Sentences, read word by word; stated, never detected. */
  TEXT,
  /** A value of its own in every row, or nearly: nothing to learn from. */
  IDENTIFIER,
  /** The same in every row: nothing to learn from. */
  CONSTANT,
  /** Left out by the caller: the target, for example. */
  EXCLUDED
}
