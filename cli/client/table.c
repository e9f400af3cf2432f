/* SPDX-License-Identifier: Apache-2.0 */
/* Lays out tables. */

#include <ctype.h>

#include "table.h"

struct Table {
        char **titles;
        size_t n_columns;
        char **cells;                   /* row by row */
        size_t n_cells, allocated;
};

Table *table_new(void) {
        return xcalloc(1, sizeof(Table));
}

Table *table_free(Table *t) {
        if (!t)
                return NULL;
        list_free(t->titles);
        for (size_t i = 0; i < t->n_cells; i++)
                free(t->cells[i]);
        free(t->cells);
        free(t);
        return NULL;
}

void table_title(Table *t, const char *title) {
        assert(t->n_cells == 0);
        list_append(&t->titles, xstrdup(title));
        t->n_columns++;
}

void table_cell_take(Table *t, char *s) {
        if (t->n_cells >= t->allocated) {
                t->allocated = MAX(t->allocated * 2, (size_t) 64);
                t->cells = xrealloc(t->cells, t->allocated * sizeof(char*));
        }
        t->cells[t->n_cells++] = s;
}

void table_cell(Table *t, const char *s) {
        table_cell_take(t, xstrdup(strempty(s)));
}

void table_cellf(Table *t, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        table_cell_take(t, xvformat(format, ap));
        va_end(ap);
}

static size_t n_rows(const Table *t) {
        return t->n_columns > 0 ? t->n_cells / t->n_columns : 0;
}

static size_t skip_zeros(const char **s) {
        *s += strspn(*s, "0");
        return strspn(*s, "0123456789");
}

int natural_compare(const char *a, const char *b) {
        const char *x = a, *y = b;

        while (*x && *y) {
                if (isdigit((unsigned char) *x) && isdigit((unsigned char) *y)) {
                        size_t n = skip_zeros(&x), m = skip_zeros(&y);
                        int r = n != m ? (n < m ? -1 : 1) : strncmp(x, y, n);

                        if (r != 0)
                                return r;
                        x += n;
                        y += m;
                } else if (*x != *y)
                        return (unsigned char) *x - (unsigned char) *y;
                else {
                        x++;
                        y++;
                }
        }
        return *x ? 1 : *y ? -1 : strcmp(a, b);
}

static int compare_rows(const void *a, const void *b, void *userdata) {
        char *const *x = *(char **const *) a, *const *y = *(char **const *) b;
        const Table *t = userdata;

        for (size_t i = 0; i < t->n_columns; i++) {
                int r = natural_compare(x[i], y[i]);
                if (r != 0)             /* a cell without text comes behind those with one */
                        return isempty(x[i]) || isempty(y[i]) ? -r : r;
        }
        return 0;
}

typedef struct ColumnOrder {
        size_t column;
} ColumnOrder;

static int compare_column(const void *a, const void *b, void *userdata) {
        char *const *x = *(char **const *) a, *const *y = *(char **const *) b;
        const ColumnOrder *o = userdata;
        int r = strcmp(x[o->column], y[o->column]);

        return r != 0 ? r : x < y ? -1 : x > y;
}

static void reorder(Table *t, int (*compare)(const void*, const void*, void*), void *userdata) {
        size_t n = n_rows(t);
        char ***rows, **cells;

        if (n < 2)
                return;

        rows = xcalloc(n, sizeof(char**));
        for (size_t i = 0; i < n; i++)
                rows[i] = t->cells + i * t->n_columns;
        qsort_r(rows, n, sizeof(char**), compare, userdata);

        cells = xcalloc(t->n_cells, sizeof(char*));
        for (size_t i = 0; i < n; i++)
                memcpy(cells + i * t->n_columns, rows[i], t->n_columns * sizeof(char*));
        free(rows);
        free(t->cells);
        t->cells = cells;
        t->allocated = t->n_cells;
}

void table_sort(Table *t) {
        reorder(t, compare_rows, t);
}

void table_sort_by(Table *t, size_t column) {
        reorder(t, compare_column, &(ColumnOrder) { .column = column });
}

/* Titles are printed in capitals, with blanks for '_' and for '.' unless that stands between digits. */
static char *display_title(const char *title) {
        char *s = xstrdup(title);
        size_t n = strlen(s);

        for (size_t i = 0; i < n; i++) {
                bool before = i > 0 && !isdigit((unsigned char) title[i - 1]) && title[i - 1] != ' ';
                bool after = i + 1 < n && !isdigit((unsigned char) title[i + 1]) && title[i + 1] != ' ';

                if (s[i] == '_' || (s[i] == '.' && (before || after)))
                        s[i] = ' ';
                else
                        s[i] = (char) toupper((unsigned char) s[i]);
        }
        return s;
}

static size_t line_length(const char *s) {
        return strcspn(s, "\n");
}

/* Width of the widest line. */
static size_t cell_width(const char *s) {
        size_t width = 0;

        for (;;) {
                size_t n = line_length(s);

                width = MAX(width, text_width(s, n));
                if (!s[n])
                        return width;
                s += n + 1;
        }
}

static const char *cell_line(const char *s, size_t line) {
        for (; line > 0; line--) {
                s += line_length(s);
                if (!*s)
                        return "";
                s++;
        }
        return s;
}

static size_t cell_lines(const char *s) {
        size_t n = 1;

        for (; *s; s++)
                n += *s == '\n';
        return n;
}

static void put_spaces(Buffer *out, size_t n) {
        memset(buffer_reserve(out, n), ' ', n);
        out->size += n;
        out->data[out->size] = 0;
}

static void put_separator(Buffer *out, const size_t *widths, size_t n) {
        for (size_t i = 0; i < n; i++) {
                buffer_putc(out, '+');
                memset(buffer_reserve(out, widths[i] + 2), '-', widths[i] + 2);
                out->size += widths[i] + 2;
        }
        buffer_puts(out, "+\n");
}

typedef struct Layout {
        Buffer *out;
        size_t *widths;
        size_t n;
        bool borders;
} Layout;

static void put_padded(const Layout *l, size_t column, const char *s, size_t n, bool center) {
        size_t width = text_width(s, n), gap = l->widths[column] - width;
        size_t left = center ? gap / 2 : 0;

        buffer_puts(l->out, !l->borders ? " " : column == 0 ? "| " : " | ");
        if (!l->borders)
                put_spaces(l->out, 1);
        put_spaces(l->out, left);
        buffer_append(l->out, s, n);
        put_spaces(l->out, gap - left);
}

static void put_row(const Layout *l, char *const *cells, bool center) {
        size_t lines = 1;

        for (size_t i = 0; i < l->n; i++)
                lines = MAX(lines, cell_lines(cells[i]));

        for (size_t line = 0; line < lines; line++) {
                for (size_t i = 0; i < l->n; i++) {
                        const char *s = cell_line(cells[i], line);
                        put_padded(l, i, s, line_length(s), center);
                }
                buffer_puts(l->out, l->borders ? " |\n" : "  \n");
        }
}

static void render_text(const Table *t, bool borders, bool verbatim, Buffer *out) {
        _cleanup_free_ size_t *widths = xcalloc(t->n_columns, sizeof(size_t));
        _cleanup_list_ char **titles = NULL;
        Layout l = { .out = out, .widths = widths, .n = t->n_columns, .borders = borders };

        for (size_t i = 0; i < t->n_columns; i++) {
                list_append(&titles, verbatim ? xstrdup(t->titles[i]) : display_title(t->titles[i]));
                widths[i] = cell_width(titles[i]);
        }
        for (size_t i = 0; i < n_rows(t) * t->n_columns; i++)
                widths[i % t->n_columns] = MAX(widths[i % t->n_columns], cell_width(t->cells[i]));

        if (borders)
                put_separator(out, widths, t->n_columns);
        put_row(&l, titles, true);
        if (borders)
                put_separator(out, widths, t->n_columns);
        if (verbatim && n_rows(t) == 0)
                put_separator(out, widths, t->n_columns);
        for (size_t i = 0; i < n_rows(t); i++) {
                put_row(&l, t->cells + i * t->n_columns, false);
                if (borders && (!verbatim || i + 1 == n_rows(t)))
                        put_separator(out, widths, t->n_columns);
        }
}

static bool csv_needs_quotes(const char *s) {
        return s[strcspn(s, ",\"\r\n")] || isspace((unsigned char) s[0]) || streq(s, "\\.");
}

static void put_csv(Buffer *out, const char *s) {
        if (!csv_needs_quotes(s)) {
                buffer_puts(out, s);
                return;
        }

        buffer_putc(out, '"');
        for (; *s; s++) {
                if (*s == '"')
                        buffer_putc(out, '"');
                buffer_putc(out, *s);
        }
        buffer_putc(out, '"');
}

static void render_csv(const Table *t, Buffer *out) {
        for (size_t i = 0; i < n_rows(t) * t->n_columns; i++) {
                size_t column = i % t->n_columns;

                if (column > 0)
                        buffer_putc(out, ',');
                put_csv(out, t->cells[i]);
                if (column == t->n_columns - 1)
                        buffer_putc(out, '\n');
        }
}

void table_render(const Table *t, TableFormat format, Buffer *out) {
        if (format == TABLE_CSV)
                render_csv(t, out);
        else
                render_text(t, format != TABLE_COMPACT, format == TABLE_VERBATIM, out);
}
