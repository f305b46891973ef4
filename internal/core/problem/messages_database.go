package problem

// database holds what stands between Huong and a database server.
var database = map[string]message{
	"database-address":         {"Địa chỉ kết nối cơ sở dữ liệu không hợp lệ; dạng đúng: postgres://người-dùng@máy-chủ/tên.", "The database's address is not valid; it reads postgres://user@host/name."},
	"database-encoding":        {"Cơ sở dữ liệu dùng bảng mã {encoding}; Huong cần UTF8. Hãy tạo cơ sở dữ liệu với ENCODING 'UTF8'.", "The database is encoded in {encoding}; Huong needs UTF8. Create it with ENCODING 'UTF8'."},
	"database-without-postgis": {"Cơ sở dữ liệu chưa có PostGIS và tài khoản này không được phép cài. Hãy nhờ người quản trị chạy: CREATE EXTENSION postgis.", "The database lacks PostGIS and this account may not install it. Ask its administrator to run: CREATE EXTENSION postgis."},
}
