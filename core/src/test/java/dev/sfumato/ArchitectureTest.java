package dev.sfumato;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasModifiers.Predicates.modifier;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The allowed imports of the modules on the class path: {@code cli} runs it again with all. */
public class ArchitectureTest {
  /** From the bottom to the top; those of one level may import each other, but not in circles. */
  private static final List<List<String>> LEVELS =
      List.of(
          // core
          List.of("io"),
          List.of("tensor", "hub"),
          List.of("nn", "picture"),
          List.of("scheduler", "model", "clip"),
          List.of("checkpoint"),
          List.of("guidance"),
          List.of("sampling"),
          List.of("pipeline"),
          // training
          List.of("data", "chart"),
          List.of("training", "evaluation"),
          List.of("tracking"),
          List.of("run"),
          // studio
          List.of("studio"),
          // cli
          List.of("cli"),
          // integrations, which know core alone
          List.of("springai", "langchain4j"));

  private static JavaClasses classes;

  @BeforeAll
  static void read() {
    classes =
        new ClassFileImporter()
            .withImportOption(new ImportOption.DoNotIncludeTests())
            .withImportOption(location -> !location.contains("-tests.jar"))
            .importPackages("dev.sfumato");
  }

  @TestFactory
  Stream<DynamicTest> importsPointDownwards() {
    return LEVELS.stream()
        .flatMap(
            level ->
                level.stream()
                    .map(
                        name ->
                            DynamicTest.dynamicTest(
                                name,
                                () ->
                                    noClasses()
                                        .that(resideInAPackage(in(name)))
                                        .should()
                                        .dependOnClassesThat(resideInAnyPackage(above(name)))
                                        .allowEmptyShould(true)
                                        .check(classes))));
  }

  private static String in(String name) {
    return "dev.sfumato." + name + "..";
  }

  private static String[] above(String name) {
    return LEVELS.stream()
        .dropWhile(level -> !level.contains(name))
        .skip(1)
        .flatMap(List::stream)
        .map(ArchitectureTest::in)
        .toArray(String[]::new);
  }

  @Test
  void packagesHaveNoCycles() {
    slices().matching("dev.sfumato.(*)..").should().beFreeOfCycles().check(classes);
  }

  @Test
  void everyPackageHasItsLevel() {
    String[] known =
        LEVELS.stream().flatMap(List::stream).map(ArchitectureTest::in).toArray(String[]::new);
    classes()
        .that(not(resideInAPackage("dev.sfumato")))
        .should()
        .resideInAnyPackage(known)
        .check(classes);
  }

  // ---- the engine

  @Test
  void onlyTensorTouchesTheEngine() {
    noClasses()
        .that(not(resideInAPackage(in("tensor"))))
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.bytedeco.pytorch..", "org.bytedeco.openblas..")
        .check(classes);
  }

  @Test
  void onlyOneClassTouchesTheNativePictureDecoders() {
    noClasses()
        .that(not(resideInAPackage(in("tensor"))))
        .and()
        .doNotHaveSimpleName("NativeDecoder")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.bytedeco..")
        .check(classes);
  }

  @Test
  void nobodyOutsideSeesTheEngine() {
    methods()
        .that()
        .arePublic()
        .and()
        .areDeclaredInClassesThat(resideInAPackage(in("tensor")))
        .and()
        .areDeclaredInClassesThat(not(modifier(JavaModifier.PRIVATE)))
        .should()
        .notHaveRawReturnType(resideInAPackage("org.bytedeco.."))
        .andShould()
        .notHaveRawParameterTypes(
            DescribedPredicate.describe(
                "of the engine",
                parameters -> parameters.stream().anyMatch(ArchitectureTest::isOfTheEngine)))
        .check(classes);
  }

  private static boolean isOfTheEngine(JavaClass type) {
    return type.getPackageName().startsWith("org.bytedeco");
  }

  /** JavaCPP reads its settings when its first class is initialised; Engine must come before. */
  @Test
  void nativeConstantsAreMadeThroughEngineCall() {
    classes()
        .that(resideInAPackage(in("tensor")))
        .should(
            new ArchCondition<>("make native constants inside Engine.call") {
              @Override
              public void check(JavaClass type, ConditionEvents events) {
                type.getStaticInitializer().stream()
                    .flatMap(initializer -> initializer.getCallsFromSelf().stream())
                    .filter(call -> isOfTheEngine(call.getTargetOwner()))
                    .filter(call -> !call.isDeclaredInLambda())
                    .forEach(
                        call ->
                            events.add(SimpleConditionEvent.violated(type, call.getDescription())));
              }
            })
        .check(classes);
  }

  // ---- the integrations

  @Test
  void onlyTheIntegrationsKnowFrameworks() {
    noClasses()
        .that(not(resideInAnyPackage(in("springai"), in("langchain4j"))))
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("org.springframework..", "dev.langchain4j..")
        .check(classes);
  }

  /** A project without a provider of SLF4J would otherwise be told so by its first call. */
  @Test
  void onlyTheLoggerOfTheJdkIsUsed() {
    noClasses().should().dependOnClassesThat().resideInAPackage("org.slf4j..").check(classes);
  }

  // ---- names

  @Test
  void chartsKnowNoTensors() {
    noClasses()
        .that(resideInAPackage(in("chart")))
        .should()
        .dependOnClassesThat(resideInAPackage(in("tensor")))
        .allowEmptyShould(true)
        .check(classes);
  }

  @Test
  void namesSayWhatAThingIs() {
    noClasses()
        .should()
        .resideInAnyPackage(
            "..util..", "..utils..", "..impl..", "..common..", "..helper..", "..manager..")
        .orShould()
        .haveNameMatching(".*(Utils?|Impl|Common|Helper|Manager)$")
        .check(classes);
  }
}
