package retune.runtime;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * A step as its class declares it.
 *
 * @param name the class name in snake_case
 * @param family {@code learning} where it needs PyTorch, else {@code light}: which class path and
 *     which image it runs with
 */
record StepDefinition(
    String name,
    String family,
    About about,
    Class<? extends Record> input,
    Class<? extends Record> output,
    Supplier<? extends Step<?, ?>> factory) {

  /** What is in or above the module that brings PyTorch. */
  private static final List<String> LEARNING_PACKAGES = List.of("retune.learning", "retune.loop");

  /** The step of that name on the class path, whether typed with underscores or dashes. */
  static Optional<StepDefinition> find(String name) {
    String wanted = name.replace('-', '_');
    return providers()
        .filter(provider -> nameOf(provider.type()).equals(wanted))
        .findFirst()
        .map(provider -> of(provider.type(), provider));
  }

  /** All steps on the class path, by pipeline, then by name. */
  static List<StepDefinition> all() {
    return providers()
        .map(provider -> of(provider.type(), provider))
        .sorted(
            Comparator.comparing((StepDefinition step) -> step.about.pipeline())
                .thenComparing(StepDefinition::name))
        .toList();
  }

  static List<String> names() {
    return providers().map(provider -> nameOf(provider.type())).sorted().toList();
  }

  /**
   * Runs the step.
   *
   * @param input of the class that the step declares
   */
  @SuppressWarnings("unchecked") // as the parameter's description says
  Record run(Record input, StepContext context) throws Exception {
    return ((Step<Record, ?>) factory.get()).run(input, context);
  }

  List<InputField> inputs() {
    return InputField.of(input);
  }

  List<InputField> outputs() {
    return InputField.of(output);
  }

  /** Providers are not instantiated until their step runs: finding one step costs no other. */
  @SuppressWarnings({"rawtypes", "unchecked"}) // a class literal has no type arguments
  private static Stream<ServiceLoader.Provider<Step<?, ?>>> providers() {
    return (Stream) ServiceLoader.load(Step.class).stream();
  }

  /**
   * The step that a class declares.
   *
   * @throws IllegalStateException where the declaration lacks something, which the message names
   */
  static StepDefinition of(Class<?> type, Supplier<? extends Step<?, ?>> factory) {
    About about = type.getAnnotation(About.class);
    if (about == null) {
      throw new IllegalStateException(type.getName() + " has no @About");
    }
    return new StepDefinition(
        nameOf(type),
        LEARNING_PACKAGES.stream().anyMatch(type.getPackageName()::startsWith)
            ? "learning"
            : "light",
        about,
        InputField.recordOf(type, 0),
        InputField.recordOf(type, 1),
        factory);
  }

  private static String nameOf(Class<?> type) {
    return Names.snakeCase(type.getSimpleName());
  }
}
