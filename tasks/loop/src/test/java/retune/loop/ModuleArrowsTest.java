package retune.loop;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.time.Instant;

/**
 * Arrows point one way: loop → steps, learning; steps, control, serving, loop → judgement → model →
 * runtime → core; learning → model; loop, steps, control → report → core.
 */
@AnalyzeClasses(packages = "retune", importOptions = ImportOption.DoNotIncludeTests.class)
class ModuleArrowsTest {
  private static final String CORE = "retune.core..";
  private static final String REPORT = "retune.report..";
  private static final String RUNTIME = "retune.runtime..";
  private static final String MODEL = "retune.model..";
  private static final String JUDGEMENT = "retune.judgement..";
  private static final String STEPS = "retune.steps..";
  private static final String LEARNING = "retune.learning..";
  private static final String LEARNING_TORCH = "retune.learning.torch..";
  private static final String LEARNING_TRAINING = "retune.learning.training..";
  private static final String LEARNING_EXCHANGE = "retune.learning.exchange..";
  private static final String LOOP = "retune.loop..";
  private static final String SERVING = "retune.serving..";
  private static final String CONTROL = "retune.control..";
  private static final String STORE = "retune.devstore..";

  @ArchTest
  static final ArchRule coreKnowsOnlyItself =
      noClasses()
          .that()
          .resideInAPackage(CORE)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              REPORT, RUNTIME, MODEL, JUDGEMENT, STEPS, LEARNING, LOOP, SERVING, STORE);

  @ArchTest
  static final ArchRule coreHasNoInputAndNoOutput =
      noClasses()
          .that()
          .resideInAPackage(CORE)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "java.io..",
              "java.nio.file..",
              "java.nio.channels..",
              "java.net..",
              "java.sql..",
              "com.mongodb..",
              "org.bson..",
              "tools.jackson..",
              "com.fasterxml..");

  @ArchTest
  static final ArchRule coreHasNoClock =
      noClasses()
          .that()
          .resideInAPackage(CORE)
          .should()
          .callMethod(System.class, "currentTimeMillis")
          .orShould()
          .callMethod(System.class, "nanoTime")
          .orShould()
          .callMethod(Instant.class, "now")
          .orShould()
          .callMethod(Math.class, "random");

  @ArchTest
  static final ArchRule reportsKnowTheCoreOnly =
      noClasses()
          .that()
          .resideInAPackage(REPORT)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(RUNTIME, MODEL, JUDGEMENT, STEPS, LEARNING, LOOP, SERVING, STORE);

  @ArchTest
  static final ArchRule runtimeKnowsNothingAboveIt =
      noClasses()
          .that()
          .resideInAPackage(RUNTIME)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(MODEL, JUDGEMENT, STEPS, LEARNING, LOOP, SERVING, STORE);

  @ArchTest
  static final ArchRule modelKnowsNothingAboveIt =
      noClasses()
          .that()
          .resideInAPackage(MODEL)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(JUDGEMENT, STEPS, LEARNING, LOOP, SERVING, STORE);

  @ArchTest
  static final ArchRule judgementKnowsNothingAboveIt =
      noClasses()
          .that()
          .resideInAPackage(JUDGEMENT)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(STEPS, LEARNING, LOOP, SERVING, STORE);

  @ArchTest
  static final ArchRule stepsKnowNeitherLearningNorTheStore =
      noClasses()
          .that()
          .resideInAPackage(STEPS)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(LEARNING, LOOP, SERVING, STORE);

  @ArchTest
  static final ArchRule learningKnowsNeitherJudgementNorStepsNorTheStore =
      noClasses()
          .that()
          .resideInAPackage(LEARNING)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(JUDGEMENT, STEPS, LOOP, SERVING, STORE);

  @ArchTest
  static final ArchRule torchKnowsNeitherTrainingNorExchange =
      noClasses()
          .that()
          .resideInAPackage(LEARNING_TORCH)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("retune.learning", LEARNING_TRAINING, LEARNING_EXCHANGE);

  @ArchTest
  static final ArchRule trainingKnowsNeitherExchangeNorTheStepsOfLearning =
      noClasses()
          .that()
          .resideInAPackage(LEARNING_TRAINING)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("retune.learning", LEARNING_EXCHANGE);

  @ArchTest
  static final ArchRule exchangeKnowsNeitherTrainingNorTheStepsOfLearning =
      noClasses()
          .that()
          .resideInAPackage(LEARNING_EXCHANGE)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("retune.learning", LEARNING_TRAINING);

  @ArchTest
  static final ArchRule servingKnowsTheModelAndWhatIsBelow =
      noClasses()
          .that()
          .resideInAPackage(SERVING)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(STEPS, LEARNING, LOOP, STORE);

  @ArchTest
  static final ArchRule controlKnowsJudgementReportsAndWhatIsBelow =
      noClasses()
          .that()
          .resideInAPackage(CONTROL)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(STEPS, LEARNING, LOOP, SERVING, STORE);

  @ArchTest
  static final ArchRule nothingKnowsControl =
      noClasses()
          .that()
          .resideOutsideOfPackage(CONTROL)
          .should()
          .dependOnClassesThat()
          .resideInAPackage(CONTROL);

  @ArchTest
  static final ArchRule theLoopKnowsNothingOfServing =
      noClasses()
          .that()
          .resideInAPackage(LOOP)
          .should()
          .dependOnClassesThat()
          .resideInAPackage(SERVING);

  @ArchTest
  static final ArchRule onlyLearningKnowsPytorch =
      noClasses()
          .that()
          .resideOutsideOfPackage(LEARNING)
          .should()
          .dependOnClassesThat()
          .resideInAPackage("ai.djl..");

  @ArchTest
  static final ArchRule theEmbeddedStoreKnowsNoneOfOurs =
      noClasses()
          .that()
          .resideInAPackage(STORE)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(CORE, RUNTIME, MODEL, JUDGEMENT, STEPS, LEARNING, LOOP, SERVING);

  @ArchTest
  static final ArchRule modulesAreFreeOfCycles =
      slices().matching("retune.(*)..").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule chaptersOfTheCoreAreFreeOfCycles =
      slices().matching("retune.core.(*)..").should().beFreeOfCycles();
}
