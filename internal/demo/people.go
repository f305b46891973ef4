package demo

import (
	"context"

	"huong.city/huong/internal/core/grant"
	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/repo"
	"huong.city/huong/internal/service/account"
)

// Password is everybody's in the demo: nothing but the demo has one that is known.
const Password = "cau truong tien 12 nhip"

// Person is somebody of the demo city.
type Person struct {
	Account string
	As      string // what the account shows
	name    string
	kind    string
	number  string // personal number, of a form that is never given out
	acts    []account.Capacity
}

// people of the demo: one for each role, and two citizens.
func people() []Person {
	as := func(agency string, areas []string, roles ...string) account.Capacity {
		return account.Capacity{Agency: agency, Roles: roles, Areas: areas}
	}
	city, citizen := []string{account.WholeCity}, []account.Capacity{{Roles: []string{grant.Citizen}}}
	return []Person{
		{"quan.tri", "administrator of the installation", "Trần Quản Trị", account.Staff, "", []account.Capacity{{Roles: []string{grant.Administrator}}}},
		{"thu.nguyen", "steward of the Department of Science and Technology and of its operations centre", "Nguyễn Thị Thu", account.Staff, "",
			[]account.Capacity{as("skhcn", city, grant.Steward), as("hueioc", city, grant.Steward)}},
		{"khoa.tran", "engineer of the operations centre", "Trần Đăng Khoa", account.Staff, "", []account.Capacity{as("hueioc", city, grant.Engineer)}},
		{"van.le", "operator of the hydrometeorological station", "Lê Thị Vân", account.Staff, "", []account.Capacity{as("dkttv", city, grant.OperatorRole)}},
		{"ha.pham", "officer of the People's Committee of Thuan Hoa ward", "Phạm Thu Hà", account.Staff, "", []account.Capacity{as("ubnd-19789", []string{"19789"}, grant.Officer)}},
		{"minh.do", "leader of the city", "Đỗ Quang Minh", account.Staff, "", []account.Capacity{as("ubnd-tp", city, grant.Leader)}},
		{"tuan.ho", "operator of the operations centre, by day", "Hồ Anh Tuấn", account.Staff, "", []account.Capacity{as("hueioc", city, grant.OperatorRole)}},
		{"mai.truong", "operator of the operations centre, by night", "Trương Thị Mai", account.Staff, "", []account.Capacity{as("hueioc", city, grant.OperatorRole)}},
		{"son.phan", "officer of the Civil Defence Command", "Phan Hồng Sơn", account.Staff, "", []account.Capacity{as("pctt", city, grant.Officer, grant.OperatorRole)}},
		{"mai.ho", "officer of the Office of the City People's Committee", "Hồ Thị Tuyết Mai", account.Staff, "", []account.Capacity{as("vpubnd", city, grant.Officer)}},
		{"lan.vo", "auditor of the City Inspectorate", "Võ Thị Lan", account.Staff, "", []account.Capacity{as("thanhtra", city, grant.Auditor)}},
		{"dan.an", "citizen", "Lê Văn An", account.Citizen, "046000000001", citizen},
		{"dan.binh", "citizen", "Hồ Thị Bình", account.Citizen, "046000000002", citizen},
	}
}

// People makes the accounts of the demo where they are missing and lists them.
func People(ctx context.Context, a *account.Accounts) ([]Person, error) {
	list := people()
	for _, p := range list {
		assurance := 0
		if p.number != "" {
			assurance = 2
		}
		err := a.Create(ctx, repo.Operator(), account.Opening{
			Account:    account.Account{ID: p.Account, Name: p.name, Kind: p.kind, Person: p.number, Assurance: assurance},
			Capacities: p.acts, Password: Password, Chosen: true,
		})
		if err != nil && problem.KindOf(err) != problem.Conflict {
			return nil, err
		}
	}
	return list, nil
}
