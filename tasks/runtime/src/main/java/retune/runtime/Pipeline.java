package retune.runtime;

/** The pipeline that a step belongs to, in the order of a day. */
public enum Pipeline {
  DATA("Collect a day's rows and turn them into features"),
  EVALUATION("Evaluate the model in production and fine-tune it when it falls short"),
  DEPLOYMENT("Put an approved version into production"),
  RETRAINING("Train a new version on collected data"),
  AUDIT("Explain what was decided, and give the data to check it"),
  AUTHORING("Bring in a table, a model or steps of your own"),
  SERVING("Services: predict with the model in production, and steer the loop");

  private final String title;

  Pipeline(String title) {
    this.title = title;
  }

  public String title() {
    return title;
  }
}
