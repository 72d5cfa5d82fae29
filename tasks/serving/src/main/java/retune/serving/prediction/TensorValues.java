package retune.serving.prediction;

import tools.jackson.databind.JsonNode;

/** The values of an input tensor, one for each row. */
sealed interface TensorValues {
  /** Adds a row's value to the current row of a column. */
  void addTo(RawRows rows, String column, int row);

  /** Values of a JSON array, of which each may be an array of one. */
  record Json(JsonNode values) implements TensorValues {
    @Override
    public void addTo(RawRows rows, String column, int row) {
      JsonNode value = values.get(row);
      JsonNode cell = value.isArray() && value.size() == 1 ? value.get(0) : value;
      if (cell.isNull()) {
        rows.add(column, Double.NaN);
      } else if (cell.isNumber()) {
        rows.add(column, Double.parseDouble(cell.asString()));
      } else if (cell.isString() || cell.isBoolean()) {
        rows.add(column, cell.asString());
      } else {
        throw rows.noValue(column);
      }
    }
  }

  /** Numbers; NaN is a missing value. */
  record Numbers(double[] values) implements TensorValues {
    @Override
    public void addTo(RawRows rows, String column, int row) {
      rows.add(column, values[row]);
    }
  }

  /** Texts; an empty one is a missing value. */
  record Texts(String[] values) implements TensorValues {
    @Override
    public void addTo(RawRows rows, String column, int row) {
      rows.add(column, values[row]);
    }
  }
}
