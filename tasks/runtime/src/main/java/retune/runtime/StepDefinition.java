package retune.runtime;

import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.function.Supplier;
import java.util.stream.Stream;
import retune.runtime.About.Work;

/**
 * A step as its class declares it.
 *
 * @param name the class name in snake_case
 * @param family {@code learning} for a step that always needs PyTorch, else {@code light}
 * @param module the module that declares it: {@code steps} of {@code retune.steps.data}
 */
record StepDefinition(
    String name,
    String family,
    String module,
    About about,
    Class<? extends Record> input,
    Class<?> output,
    Supplier<? extends Step<?, ?>> factory) {

  /** Finds a step on the class path; its name may have underscores or dashes. */
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
  Object run(Record input, StepContext context) throws Exception {
    return ((Step<Record, ?>) factory.get()).run(input, context);
  }

  List<InputField> inputs() {
    return InputField.of(input);
  }

  List<InputField> outputs() {
    return InputField.of(output);
  }

  /** Does not instantiate providers: finding one step loads no other. */
  @SuppressWarnings({"rawtypes", "unchecked"}) // a class literal has no type arguments
  private static Stream<ServiceLoader.Provider<Step<?, ?>>> providers() {
    return (Stream) ServiceLoader.load(Step.class).stream();
  }

  /**
   * Reads a step's declaration.
   *
   * @throws IllegalStateException naming what the declaration lacks
   */
  static StepDefinition of(Class<?> type, Supplier<? extends Step<?, ?>> factory) {
    About about = type.getAnnotation(About.class);
    if (about == null) {
      throw new IllegalStateException(type.getName() + " has no @About");
    }
    return new StepDefinition(
        nameOf(type),
        about.work() == Work.TRAINING ? "learning" : "light",
        module(type),
        about,
        InputField.typeOf(type, 0).asSubclass(Record.class),
        InputField.typeOf(type, 1),
        factory);
  }

  private static String module(Class<?> type) {
    String[] names = type.getPackageName().split("\\.", -1);
    return names.length > 1 && names[0].equals("retune") ? names[1] : "";
  }

  private static String nameOf(Class<?> type) {
    return Names.snakeCase(type.getSimpleName());
  }
}
