package dev.sfumato.evaluation;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.evaluation.ClassReport.Confusion;
import dev.sfumato.evaluation.ClassReport.Row;
import dev.sfumato.io.JsonFile;
import java.util.List;
import org.junit.jupiter.api.Test;

class ClassReportTest {
  private static final List<String> NAMES = List.of("cat", "dog", "lion", "owl");
  private static final int[] ASKED = {0, 0, 0, 0, 0, 2, 2, 1};
  private static final int[] READ = {0, 1, 2, 0, 2, 2, 2, 3};

  @Test
  void countsByClass() {
    assertThat(ClassReport.of(NAMES, ASKED, READ).classes())
        .containsExactly(
            new Row("cat", 5, 2, List.of(new Confusion("lion", 2), new Confusion("dog", 1))),
            new Row("dog", 1, 0, List.of(new Confusion("owl", 1))),
            new Row("lion", 2, 2, List.of()))
        .inOrder();
  }

  @Test
  void sumsUp() {
    ClassReport report = ClassReport.of(NAMES, ASKED, READ);
    assertThat(report.asked()).isEqualTo(8);
    assertThat(report.right()).isEqualTo(4);
    assertThat(report.share()).isEqualTo(0.5);
    assertThat(report.classes().get(0).share()).isEqualTo(0.4);
  }

  @Test
  void printsTable() {
    assertThat(ClassReport.of(NAMES, ASKED, READ).table())
        .isEqualTo(
            """
            class   asked  read right     share  most often misread as
            cat         5           2   40.00 %  lion (2)
            dog         1           0    0.00 %  owl (1)
            lion        2           2  100.00 %
            all         8           4   50.00 %\
            """);
  }

  @Test
  void jsonHasTheSharesToo() {
    JsonNode json = JsonFile.MAPPER.valueToTree(ClassReport.of(NAMES, ASKED, READ));
    assertThat(json.get("share").asDouble()).isEqualTo(0.5);
    JsonNode cat = json.get("classes").get(0);
    assertThat(cat.get("share").asDouble()).isEqualTo(0.4);
    assertThat(cat.get("confusions").get(0).get("name").asText()).isEqualTo("lion");
  }

  @Test
  void refusesAnswersThatDoNotMatchTheQuestions() {
    assertThrows(
        IllegalArgumentException.class,
        () -> ClassReport.of(NAMES, new int[] {0, 1}, new int[] {0}));
  }
}
