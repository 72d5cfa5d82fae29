package retune.control.dashboard;

import org.jspecify.annotations.Nullable;

/**
 * Who looks at a page.
 *
 * @param maySteer whether the service has tokens, so that somebody may
 * @param name of whoever is logged in; null if nobody is
 * @param formKey that each form of this session sends back; empty if nobody is logged in
 * @param said what came of the button that led here; null if none did
 * @param here the path and the query of the page
 */
public record Viewer(
    boolean maySteer, @Nullable String name, String formKey, @Nullable Said said, String here) {
  /** The parameter of a page's address with the number of what the session has said. */
  public static final String SAID = "said";

  /** The field with {@code formKey}. */
  public static final String FORM_KEY = "form_key";

  /** What came of a press of a button, as a sentence. */
  public record Said(boolean isDone, String sentence) {}

  /** The field that makes a form one of this session. */
  Markup formField() {
    return Markup.of("<input type=\"hidden\" name=\"{}\" value=\"{}\">", FORM_KEY, formKey);
  }
}
