package retune.core.preprocessing;

/**
 * A column of the training rows that gives no feature. It may be absent later, and is not counted
 * as an extra column.
 */
public record DroppedColumn(String name, ColumnType type, String reason) {}
