package retune.control.dashboard;

/** The addresses of pages. */
public final class Paths {
  public static final String LOGIN = "/login";
  public static final String LOGOUT = "/logout";

  private Paths() {}

  public static String model(String model) {
    return "/models/" + Markup.encoded(model);
  }

  public static String version(String model, String modelId) {
    return model(model) + "/versions/" + Markup.encoded(modelId);
  }

  /** The report of a comparison, by the id of its verdict. */
  static String comparison(String id) {
    return "/reports/comparison?id=" + Markup.encoded(id);
  }

  /** The report on drift. */
  static String drift(String id) {
    return "/reports/drift?id=" + Markup.encoded(id);
  }
}
