package retune.runtime;

/** Where a step belongs; the order is the order of a day. */
public enum Pipeline {
  DATA("Take the day's data and turn it into features"),
  EVALUATION("Evaluate the model in production, fine-tune it where it falls short"),
  DEPLOYMENT("Put an approved version into production"),
  RETRAINING("Train again from collected data"),
  AUTHORING("Bring a table or a model"),
  SERVING("Answer with the model in production");

  private final String title;

  Pipeline(String title) {
    this.title = title;
  }

  public String title() {
    return title;
  }
}
